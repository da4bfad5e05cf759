//! Properties 67 and 68 against a model of a router that drops connections anywhere.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{listing::profile, *};
use crate::provisioning::listing::{ISOLIR_LIST, Profile, copy_of};

/// A router with the state that matters, and sessions that know the profile with which they began.
#[derive(Debug, Clone)]
struct Model {
    secrets: Vec<Secret>,
    sessions: Vec<(Session, String)>,
    profiles: Vec<Profile>,
    /// The addresses of sessions whose profile listed them when they began.
    listed: BTreeSet<String>,
    made: u64,
    writes: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            sessions: Vec::new(),
            profiles: ["10M", "20M", "isolir"].map(|name| profile(name, "", "")).into(),
            listed: BTreeSet::new(),
            made: 0,
            writes: 0,
        }
    }
}

impl Model {
    fn id(&mut self) -> String {
        self.made += 1;
        format!("*{:X}", self.made)
    }

    /// The customer's device dials whenever it has no session.
    fn dial(&mut self) {
        let account = self
            .secrets
            .iter()
            .find(|secret| secret.name == "budi01" && !secret.disabled);
        if let (Some(account), true) = (account.cloned(), self.sessions.is_empty()) {
            let mut session = session(&self.id());
            session.address = format!("10.0.0.{}", self.made % 250);
            let began = self.profile(&account.profile);
            if began.is_some_and(|profile| profile.address_list == ISOLIR_LIST) {
                self.listed.insert(session.address.clone());
            }
            self.sessions.push((session, account.profile));
        }
    }

    fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    fn hang_up(&mut self) {
        self.sessions.clear();
        self.listed.clear();
    }

    fn actual(&self) -> Actual {
        Actual {
            secrets: self.secrets.clone(),
            sessions: self.sessions.iter().map(|(session, _)| session.clone()).collect(),
            profiles: self.profiles.clone(),
            listed: self.listed.clone(),
        }
    }

    fn apply(&mut self, op: &Op) {
        self.writes += 1;
        match op {
            Op::AddSecret {
                name,
                profile,
                disabled,
                comment,
            } => {
                let id = self.id();
                self.secrets.push(Secret {
                    id,
                    name: name.clone(),
                    service: "pppoe".to_owned(),
                    profile: profile.clone(),
                    disabled: *disabled,
                    remote_address: String::new(),
                    comment: comment.clone(),
                    password: Password::Wanted,
                });
            }
            Op::SetSecret { id, fields } => {
                let secret = self
                    .secrets
                    .iter_mut()
                    .find(|secret| secret.id == *id)
                    .expect("a row");
                for (name, value) in fields {
                    match *name {
                        "profile" => secret.profile.clone_from(value),
                        "disabled" => secret.disabled = value == "yes",
                        "comment" => secret.comment.clone_from(value),
                        "service" => secret.service.clone_from(value),
                        other => panic!("{other} is not a field of a secret"),
                    }
                }
            }
            Op::ClearRemoteAddress { id } => {
                let secret = self
                    .secrets
                    .iter_mut()
                    .find(|secret| secret.id == *id)
                    .expect("a row");
                secret.remote_address.clear();
            }
            Op::SetPassword { id } => {
                let mut secrets = self.secrets.iter_mut();
                let secret = secrets.find(|secret| secret.id == *id).expect("a row");
                secret.password = Password::Wanted;
            }
            Op::RemoveSecret { id } => self.secrets.retain(|secret| secret.id != *id),
            Op::AddProfile { fields } => {
                let mut added = Profile {
                    id: self.id(),
                    ..Profile::default()
                };
                put(&mut added, fields);
                self.profiles.push(added);
            }
            Op::SetProfile { id, fields } => {
                let mut profiles = self.profiles.iter_mut();
                let profile = profiles.find(|profile| profile.id == *id).expect("a row");
                put(profile, fields);
            }
            Op::ClearProfile { id, field } => {
                let mut profiles = self.profiles.iter_mut();
                let profile = profiles.find(|profile| profile.id == *id).expect("a row");
                profile.terms.remove(field);
            }
        }
    }

    /// One run. `faults` says for each effect: 0 fails before it acts, 1 fails after, anything else works.
    fn run(&mut self, desired: &DesiredState, wanted: u64, faults: &mut impl Iterator<Item = u8>) -> Ending {
        let mut machine = Machine::new(wanted, 0, false);
        let mut input = Input::Begin;
        loop {
            let effect = machine.step(input);
            let fault = faults.next().unwrap_or(u8::MAX);
            if !matches!(effect, Effect::End(_)) && fault == 0 {
                input = Input::Failed(FailureKind::Offline);
                continue;
            }
            input = match effect {
                Effect::End(ending) => return ending,
                Effect::ReadDesired => Input::Desired(Some(Box::new(desired.clone()))),
                Effect::Connect(_) => connected(),
                Effect::Read => Input::Actual(self.actual()),
                Effect::Apply(op) => {
                    self.apply(&op);
                    Input::Applied
                }
                Effect::Kick(session) => {
                    self.sessions.retain(|(other, _)| *other != session);
                    self.listed.remove(&session.address);
                    Input::Applied
                }
                Effect::Wait { .. } => Input::Waited,
            };
            if fault == 1 {
                input = Input::Failed(FailureKind::Timeout);
            }
            if fault % 3 == 2 {
                self.dial();
            }
        }
    }
}

fn put(profile: &mut Profile, fields: &[(&'static str, String)]) {
    for (field, value) in fields {
        match *field {
            "name" => profile.name.clone_from(value),
            "address-list" => profile.address_list.clone_from(value),
            "comment" => profile.comment.clone_from(value),
            term => drop(profile.terms.insert(term, value.clone())),
        }
    }
}

fn account() -> impl Strategy<Value = Account> {
    prop_oneof![
        1 => Just(Account::Absent),
        4 => (prop::sample::select(vec!["10M", "20M", "isolir"]), any::<bool>(), any::<bool>())
            .prop_map(|(profile, disabled, listed)| present(profile, disabled, listed)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    // Property 67: for every interleaving of business events and router outages, the final router state is the
    // final desired state.
    #[test]
    fn the_final_state_of_the_router_is_the_final_desired_state(
        story in prop::collection::vec((account(), prop::collection::vec(0_u8..12, 0..30)), 1..8),
    ) {
        let mut model = Model::default();
        let stranger = Secret { id: "*0".to_owned(), name: "tetangga".to_owned(), ..Secret::default() };
        model.secrets.push(stranger.clone());
        let mut version = 0;
        let mut last = desired(0, Account::Absent);
        for (account, faults) in story {
            version += 1;
            last = desired(version, account);
            model.run(&last, version, &mut faults.into_iter());
            model.dial();
        }
        let ending = model.run(&last, version, &mut std::iter::repeat(u8::MAX));
        prop_assert_eq!(ending, Ending::Confirmed { observed: last.canonical() });
        let ours: Vec<&Secret> = model.secrets.iter().filter(|secret| secret.name == "budi01").collect();
        match &last.account {
            Account::Absent => prop_assert!(ours.is_empty() && model.sessions.is_empty()),
            Account::Present { profile, disabled, isolir_listed } => {
                prop_assert_eq!(ours.len(), 1);
                let wanted = if *isolir_listed { copy_of(profile) } else { profile.to_string() };
                prop_assert_eq!(&ours[0].profile, &wanted);
                prop_assert_eq!(&ours[0].comment, MARKER);
                prop_assert!(!disabled || model.sessions.is_empty());
                // No session from before the last change goes on.
                prop_assert!(model.sessions.iter().all(|(_, began)| *began == wanted));
                let mut later = model.clone();
                later.hang_up();
                later.dial();
                for router in [&model, &later] {
                    let up = router.sessions.iter().map(|(session, _)| session.address.clone());
                    let expected = if *isolir_listed { up.collect() } else { BTreeSet::new() };
                    prop_assert_eq!(&router.listed, &expected, "whoever is up, and whoever dials in later");
                }
            }
        }
        prop_assert!(model.secrets.contains(&stranger));
        let writes = model.writes;
        model.run(&last, version, &mut std::iter::repeat(u8::MAX));
        prop_assert_eq!(model.writes, writes, "a second run changes nothing");
    }

    // Property 68: a failed router read changes nothing.
    #[test]
    fn a_failed_read_is_followed_by_no_write(account in account(), stage in 0_usize..3, kind in 0_usize..3) {
        let kind = [FailureKind::Offline, FailureKind::Timeout, FailureKind::Protocol][kind];
        let mut machine = Machine::new(1, 0, true);
        let mut effect = machine.step(Input::Begin);
        for step in 0..3 {
            let input = match (&effect, step == stage) {
                (_, true) => Input::Failed(kind),
                (Effect::ReadDesired, _) => Input::Desired(Some(Box::new(desired(1, account.clone())))),
                (Effect::Connect(_), _) => connected(),
                (other, _) => panic!("{other:?} before the first read"),
            };
            effect = machine.step(input);
            if step == stage {
                break;
            }
        }
        let said = matches!(effect, Effect::End(Ending::Failed { kind: said, .. }) if said == kind);
        prop_assert!(said, "the run went on after a failed read");
    }
}
