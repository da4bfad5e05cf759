//! The run by script.

mod listing;
mod properties;

use simpul_domain::{
    Sealed, SubscriptionId,
    network::{PppProfile, desired::Account, provisioning::Access},
    subscriptions::PppUsername,
};
use uuid::Uuid;

use super::*;
use crate::provisioning::diff::{Password, Secret};

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
        ..Actual::default()
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
