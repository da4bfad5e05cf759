//! Reading an input: every field that breaks a rule is reported, not just the first.

use std::{collections::BTreeSet, error::Error, fmt::Display, str::FromStr};

use async_graphql::ID;
use simpul_domain::{Code, Coded, Rupiah};

use super::{scalar::MoneyInput, user_error::UserError};

/// Collects what is wrong with an input.
#[derive(Debug, Default)]
pub(super) struct Fields {
    errors: Vec<UserError>,
}

impl Fields {
    /// A value with a rule of its own; `rule` is its name for programs.
    pub(super) fn take<T, E: Display>(&mut self, field: &str, rule: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| {
                self.errors
                    .push(UserError::invalid(field, rule, &error.to_string()));
            })
            .ok()
    }

    /// A value whose error says its own rule and facts.
    pub(super) fn coded<T, E: Coded + Error>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| self.errors.push(UserError::of_field(field, &error)))
            .ok()
    }

    /// What an id names does not exist.
    pub(super) fn missing(&mut self, field: &str, what: &str) {
        self.errors.push(UserError::not_found(field, what));
    }

    /// An id. One that cannot be an id of this kind is one that does not exist.
    pub(super) fn id<I: FromStr>(&mut self, field: &str, what: &str, id: &ID) -> Option<I> {
        let parsed = id.parse().ok();
        if parsed.is_none() {
            self.missing(field, what);
        }
        parsed
    }

    /// One to `most` ids, each once. What is wrong with one of them is said of that one.
    pub(super) fn ids<I: FromStr + Ord + Copy>(
        &mut self,
        (field, what): (&str, &str),
        most: usize,
        ids: &[ID],
    ) -> Option<Vec<I>> {
        if ids.is_empty() || ids.len() > most {
            let text = format!("there are 1 to {most} of them");
            self.errors.push(UserError::invalid(field, "count", &text));
            return None;
        }
        let (mut parsed, mut named) = (Vec::with_capacity(ids.len()), BTreeSet::new());
        for (nth, id) in ids.iter().enumerate() {
            match id.parse::<I>() {
                Ok(id) if named.insert(id) => parsed.push(id),
                Ok(_) => {
                    let error = UserError::invalid(field, "unique", "it is named twice");
                    self.errors.push(error.at_item(nth));
                }
                Err(_) => self.errors.push(UserError::not_found(field, what).at_item(nth)),
            }
        }
        (parsed.len() == ids.len()).then_some(parsed)
    }

    /// Whole rupiah, more than none.
    pub(super) fn money(&mut self, field: &str, money: &MoneyInput) -> Option<Rupiah> {
        let amount = money.rupiah().filter(|amount| amount.is_positive());
        if amount.is_none() {
            let text = "An amount is a positive whole number of rupiah";
            self.errors
                .push(UserError::coded(Code::AmountNotWhole, field, text));
        }
        amount
    }

    /// Texts that say something. What they say is kept as it is: a space may belong to a secret.
    pub(super) fn said<const N: usize>(&mut self, texts: [(&str, &str); N]) {
        for (field, _) in texts.into_iter().filter(|(_, text)| text.trim().is_empty()) {
            let text = "A text of nothing is none";
            self.errors.push(UserError::invalid(field, "required", text));
        }
    }

    /// An idempotency key has 1 to 64 characters.
    pub(super) fn key(&mut self, key: &str) {
        self.errors.extend(UserError::of_key(key));
    }

    /// The value, if every part of it could be read.
    pub(super) fn done<T>(self, value: Option<T>) -> Result<T, Vec<UserError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}
