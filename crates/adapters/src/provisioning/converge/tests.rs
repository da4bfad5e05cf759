//! The run by script, and Properties 67 and 68 against a model of a router that drops connections anywhere.

use proptest::prelude::*;
use simpul_domain::{
    Sealed, SubscriptionId,
    network::{PppProfile, desired::Account, provisioning::Access},
    subscriptions::PppUsername,
};
use uuid::Uuid;

use super::*;
use crate::provisioning::diff::{Listed, Password, Secret};

const MARKER: &str = "simpul:ten_1:sub_1";

fn desired(version: u64, account: Account) -> DesiredState {
    DesiredState {
        subscription: SubscriptionId::new(Uuid::from_u128(1)),
        router: RouterId::new(Uuid::from_u128(2)),
        version,
        access: Access::Full,
        username: PppUsername::parse("budi01").expect("a user name"),
        secret: Sealed::new("sealed".to_owned()),
        secret_version: 0,
        account,
        marker: MARKER.to_owned(),
    }
}

fn present(profile: &str, disabled: bool, isolir_listed: bool) -> Account {
    Account::Present {
        profile: PppProfile::parse(profile).expect("a profile"),
        disabled,
        isolir_listed,
    }
}

fn secret(profile: &str, comment: &str) -> Secret {
    Secret {
        id: "*1".to_owned(),
        name: "budi01".to_owned(),
        service: "pppoe".to_owned(),
        profile: profile.to_owned(),
        comment: comment.to_owned(),
        ..Secret::default()
    }
}

fn session(id: &str) -> Session {
    Session {
        id: id.to_owned(),
        name: "budi01".to_owned(),
        session_id: format!("0x{id}"),
        address: "10.0.0.2".to_owned(),
    }
}

fn connected() -> Input {
    Input::Connected {
        serial: Some("HEX1".to_owned()),
        expected: Some("HEX1".to_owned()),
    }
}

fn looking(desired: DesiredState) -> Machine {
    let mut machine = Machine::new(desired.version, 0, false);
    assert_eq!(machine.step(Input::Begin), Effect::ReadDesired);
    let router = desired.router;
    assert_eq!(
        machine.step(Input::Desired(Some(Box::new(desired)))),
        Effect::Connect(router)
    );
    assert_eq!(machine.step(connected()), Effect::Read);
    machine
}

fn actual(secrets: Vec<Secret>, sessions: Vec<Session>) -> Input {
    Input::Actual(Actual {
        secrets,
        sessions,
        listed: Vec::new(),
    })
}

#[test]
fn a_read_model_behind_the_wish_is_waited_for() {
    let mut machine = Machine::new(3, 0, false);
    machine.step(Input::Begin);
    let stale = Box::new(desired(2, present("10M", false, false)));
    assert_eq!(
        machine.step(Input::Desired(Some(stale))),
        Effect::End(Ending::NotYet)
    );
}

#[test]
fn a_wrong_router_is_neither_read_nor_written() {
    let mut machine = Machine::new(1, 0, false);
    machine.step(Input::Begin);
    machine.step(Input::Desired(Some(Box::new(desired(
        1,
        present("10M", false, false),
    )))));
    let stranger = Input::Connected {
        serial: Some("HEX2".to_owned()),
        expected: Some("HEX1".to_owned()),
    };
    let ending = Ending::Failed {
        kind: FailureKind::WrongRouter,
        lasting: true,
    };
    assert_eq!(machine.step(stranger), Effect::End(ending));
}

#[test]
fn the_change_comes_first_then_the_old_session_ends_then_the_proof() {
    let mut machine = looking(desired(2, present("isolir", false, false)));
    let effect = machine.step(actual(vec![secret("10M", MARKER)], vec![session("*A")]));
    let renewing = format!("{MARKER} simpul-renew");
    let fields = vec![("profile", "isolir".to_owned()), ("comment", renewing.clone())];
    assert_eq!(
        effect,
        Effect::Apply(Op::SetSecret {
            id: "*1".to_owned(),
            fields
        })
    );
    assert_eq!(machine.step(Input::Applied), Effect::Read);
    let changed = secret("isolir", &renewing);
    let effect = machine.step(actual(vec![changed.clone()], vec![session("*A")]));
    assert_eq!(effect, Effect::Kick(session("*A")));
    assert!(matches!(machine.step(Input::Applied), Effect::Wait { .. }));
    assert_eq!(machine.step(Input::Waited), Effect::Read);
    let effect = machine.step(actual(vec![changed], vec![session("*B")]));
    let fields = vec![("comment", MARKER.to_owned())];
    assert_eq!(
        effect,
        Effect::Apply(Op::SetSecret {
            id: "*1".to_owned(),
            fields
        })
    );
    let observed = desired(2, present("isolir", false, false)).canonical();
    assert_eq!(
        machine.step(Input::Applied),
        Effect::End(Ending::Confirmed { observed })
    );
}

#[test]
fn a_router_that_is_as_wanted_is_only_read() {
    let mut machine = looking(desired(2, present("10M", false, false)));
    let comment = format!("Pak Budi, RT 03 {MARKER}");
    let effect = machine.step(actual(vec![secret("10M", &comment)], vec![session("*A")]));
    assert!(matches!(effect, Effect::End(Ending::Confirmed { .. })));
}

#[test]
fn a_secret_without_our_marker_is_left_alone_unless_adoption_was_asked_for() {
    let input = actual(vec![secret("10M", "punya orang")], vec![session("*A")]);
    let mut machine = looking(desired(1, present("10M", false, false)));
    let refused = Ending::Failed {
        kind: FailureKind::Refused,
        lasting: true,
    };
    assert_eq!(machine.step(input.clone()), Effect::End(refused));
    let mut machine = looking(desired(1, Account::Absent));
    assert!(matches!(
        machine.step(input.clone()),
        Effect::End(Ending::Confirmed { .. })
    ));
    let mut machine = looking(desired(1, present("10M", false, false)));
    machine.adopt = true;
    let fields = vec![("comment", format!("punya orang {MARKER}"))];
    assert_eq!(
        machine.step(input),
        Effect::Apply(Op::SetSecret {
            id: "*1".to_owned(),
            fields
        })
    );
}

#[test]
fn a_fixed_address_is_removed_so_that_the_profiles_pool_counts() {
    let mut fixed = secret("isolir", MARKER);
    fixed.remote_address = "10.0.0.9".to_owned();
    let mut machine = looking(desired(1, present("isolir", false, false)));
    assert!(matches!(
        machine.step(actual(vec![fixed], vec![])),
        Effect::Apply(Op::SetSecret { .. })
    ));
    let cleared = Op::ClearRemoteAddress { id: "*1".to_owned() };
    assert_eq!(machine.step(Input::Applied), Effect::Apply(cleared));
}

#[test]
fn a_password_that_differs_is_written_and_read_back() {
    let mut machine = looking(desired(2, present("10M", false, false)));
    let mut other = secret("10M", MARKER);
    other.password = Password::Other;
    let written = Effect::Apply(Op::SetPassword { id: "*1".to_owned() });
    assert_eq!(machine.step(actual(vec![other.clone()], vec![])), written);
    assert_eq!(machine.step(Input::Applied), Effect::Read);
    let mut same = other.clone();
    same.password = Password::Wanted;
    let mut proved = machine.clone();
    assert!(matches!(
        proved.step(actual(vec![same], vec![])),
        Effect::End(Ending::Confirmed { .. })
    ));
    let mut effect = machine.step(actual(vec![other.clone()], vec![]));
    for _ in 0..MAX_ROUNDS {
        if effect == written {
            machine.step(Input::Applied);
            effect = machine.step(actual(vec![other.clone()], vec![]));
        }
    }
    let kept = Ending::Failed {
        kind: FailureKind::ReadBackDiffers,
        lasting: false,
    };
    assert_eq!(
        effect,
        Effect::End(kept),
        "a router that keeps the old one is no proof"
    );
}

#[test]
fn a_masked_password_is_written_once_after_a_change_and_is_no_drift() {
    let hidden = || actual(vec![secret("10M", MARKER)], vec![]);
    let mut changed = desired(9, present("10M", false, false));
    changed.secret_version = 9;
    let mut machine = looking(changed.clone());
    machine.confirmed = 8;
    let written = Effect::Apply(Op::SetPassword { id: "*1".to_owned() });
    assert_eq!(machine.step(hidden()), written);
    assert_eq!(machine.step(Input::Applied), Effect::Read);
    assert!(matches!(
        machine.step(hidden()),
        Effect::End(Ending::Confirmed { .. })
    ));
    let mut machine = looking(changed);
    machine.confirmed = 9;
    assert!(matches!(
        machine.step(hidden()),
        Effect::End(Ending::Confirmed { .. })
    ));
}

/// A router with the state that matters, and sessions that know the profile with which they began.
#[derive(Debug, Clone, Default)]
struct Model {
    secrets: Vec<Secret>,
    sessions: Vec<(Session, String)>,
    listed: Vec<Listed>,
    made: u64,
    writes: u64,
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
            self.sessions.push((session, account.profile));
        }
    }

    fn actual(&self) -> Actual {
        Actual {
            secrets: self.secrets.clone(),
            sessions: self.sessions.iter().map(|(session, _)| session.clone()).collect(),
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
            Op::List { address, .. } => {
                let (id, address) = (self.id(), address.clone());
                self.listed.push(Listed { id, address });
            }
            Op::Unlist { id } => self.listed.retain(|listed| listed.id != *id),
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
                prop_assert_eq!(&ours[0].profile, profile.as_str());
                prop_assert_eq!(&ours[0].comment, MARKER);
                prop_assert!(!disabled || model.sessions.is_empty());
                // No session from before the last change goes on.
                prop_assert!(model.sessions.iter().all(|(_, began)| began == profile.as_str()));
                let addresses: Vec<&String> = model.listed.iter().map(|listed| &listed.address).collect();
                let wanted: Vec<&String> = model.sessions.iter().map(|(session, _)| &session.address).collect();
                prop_assert_eq!(addresses, if *isolir_listed { wanted } else { Vec::new() });
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
