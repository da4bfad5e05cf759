//! Texts of messages (`facts/integrations.md` 7.4): what operators may write, and what we send when they write nothing.
//!
//! A template is checked when it is saved: its variables are a closed set per kind of message, `{name}` and the
//! Indonesian names are understood, a sample is rendered, and a mistake is named with its position. Rendering is
//! strict and bounded by fuel, and what customers typed cannot bring formatting into a message.

mod date;
mod error;
mod rewrite;
mod values;
mod variable;

#[cfg(test)]
mod tests;

use minijinja::{Environment, UndefinedBehavior, filters, syntax::SyntaxConfig};
use simpul_domain::{
    messaging::{MessageKind, sender::MAX_TEXT_CHARS},
    tenancy::Language,
};

pub use self::{
    date::long_date,
    error::{Position, TemplateError},
    values::Values,
    variable::Variable,
};
use self::{
    error::position_of_word,
    rewrite::{Rewritten, rewrite},
};

/// Longest template, in characters, as it was written.
pub const MAX_SOURCE_CHARS: usize = MAX_TEXT_CHARS;
/// Steps of the template engine for one message; a plain text takes a few dozen.
const FUEL: u64 = 5_000;

/// Every kind that has a template.
pub const KINDS: [MessageKind; 6] = [
    MessageKind::InvoiceCreated,
    MessageKind::InvoiceDueReminder,
    MessageKind::InvoiceOverdue,
    MessageKind::InvoicePaid,
    MessageKind::CustomerIsolated,
    MessageKind::CustomerUnisolated,
];

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    kind: MessageKind,
    source: String,
    rewritten: Rewritten,
}

impl Template {
    /// Checks what an operator wrote.
    pub fn parse(kind: MessageKind, source: &str) -> Result<Self, TemplateError> {
        let chars = source.chars().count();
        if chars > MAX_SOURCE_CHARS {
            return Err(TemplateError::TooLong { chars });
        }
        let template = Self {
            kind,
            source: source.to_owned(),
            rewritten: rewrite(kind, source)?,
        };
        template.check_variables()?;
        // With and without what may be missing, so that both sides of an `if` are seen.
        template.render(&Values::sample(kind))?;
        template.render(&Values::sample(kind).without_optional())?;
        Ok(template)
    }

    /// What is sent when the operator has no text of their own.
    pub fn built_in(kind: MessageKind, language: Language) -> Result<Self, TemplateError> {
        Self::parse(kind, built_in_source(kind, language))
    }

    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The message with these values, at most [`MAX_TEXT_CHARS`] characters.
    pub fn render(&self, values: &Values) -> Result<String, TemplateError> {
        let environment = environment();
        let compiled = environment
            .template_from_str(&self.rewritten.text)
            .map_err(|error| TemplateError::from_engine(&error, &self.source, &self.rewritten))?;
        let text = compiled
            .render(values.context(self.kind))
            .map_err(|error| TemplateError::from_engine(&error, &self.source, &self.rewritten))?;
        let text = text.trim().to_owned();
        let chars = text.chars().count();
        if chars > MAX_TEXT_CHARS {
            return Err(TemplateError::TooLong { chars });
        }
        if text.is_empty() {
            Err(TemplateError::Empty)
        } else {
            Ok(text)
        }
    }

    /// The message with sample values, for the operator's screen.
    pub fn preview(&self) -> Result<String, TemplateError> {
        self.render(&Values::sample(self.kind))
    }

    fn check_variables(&self) -> Result<(), TemplateError> {
        let environment = environment();
        let compiled = environment
            .template_from_str(&self.rewritten.text)
            .map_err(|error| TemplateError::from_engine(&error, &self.source, &self.rewritten))?;
        let mut unknown: Vec<String> = compiled
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| Variable::named(self.kind, name).is_none())
            .collect();
        // A set has no order; the operator should see the same mistake each time.
        unknown.sort_unstable();
        match unknown.into_iter().next() {
            Some(name) => {
                let at = position_of_word(&self.source, &name);
                Err(TemplateError::UnknownVariable { at, name })
            }
            None => Ok(()),
        }
    }
}

/// No functions, no tests, no other templates, three filters.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax());
    // Only for the position of a mistake: the engine's error never leaves this module.
    environment.set_debug(true);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment
}

/// A line that holds nothing but a block leaves nothing behind.
fn syntax() -> SyntaxConfig {
    // INVARIANT: building fails for overlapping delimiters only, and the default ones do not overlap.
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .unwrap_or_default()
}

const fn built_in_source(kind: MessageKind, language: Language) -> &'static str {
    match (kind, language) {
        (MessageKind::InvoiceCreated, Language::Id) => include_str!("id/invoice_created.txt"),
        (MessageKind::InvoiceCreated, Language::En) => include_str!("en/invoice_created.txt"),
        (MessageKind::InvoiceDueReminder, Language::Id) => include_str!("id/invoice_due_reminder.txt"),
        (MessageKind::InvoiceDueReminder, Language::En) => include_str!("en/invoice_due_reminder.txt"),
        (MessageKind::InvoiceOverdue, Language::Id) => include_str!("id/invoice_overdue.txt"),
        (MessageKind::InvoiceOverdue, Language::En) => include_str!("en/invoice_overdue.txt"),
        (MessageKind::InvoicePaid, Language::Id) => include_str!("id/invoice_paid.txt"),
        (MessageKind::InvoicePaid, Language::En) => include_str!("en/invoice_paid.txt"),
        (MessageKind::CustomerIsolated, Language::Id) => include_str!("id/customer_isolated.txt"),
        (MessageKind::CustomerIsolated, Language::En) => include_str!("en/customer_isolated.txt"),
        (MessageKind::CustomerUnisolated, Language::Id) => include_str!("id/customer_unisolated.txt"),
        (MessageKind::CustomerUnisolated, Language::En) => include_str!("en/customer_unisolated.txt"),
    }
}
