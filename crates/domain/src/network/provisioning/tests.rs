//! Stale outcomes change nothing, and a failure is said once.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, RouterId, SubscriptionId,
    given::{after, at, check_replay, uuid, words},
    network::Sha256Hex,
};

fn hash(letter: &str) -> Sha256Hex {
    Sha256Hex::parse(&letter.repeat(64)).expect("a hash")
}

fn confirm(desired_version: u64, access: Access) -> ProvisioningCommand {
    ProvisioningCommand::RecordConfirmed(RecordConfirmed {
        subscription: SubscriptionId::new(uuid(3)),
        router: RouterId::new(uuid(4)),
        desired_version,
        access,
        desired_hash: hash("a"),
        observed_hash: hash("a"),
        attempt: 1,
        at: at(0),
    })
}

fn fail(desired_version: u64, kind: FailureKind) -> ProvisioningCommand {
    ProvisioningCommand::RecordFailed(RecordFailed {
        subscription: SubscriptionId::new(uuid(3)),
        router: RouterId::new(uuid(4)),
        desired_version,
        kind,
        attempt: 1,
        next_try_at: at(5),
        at: at(0),
    })
}

#[test]
fn a_stale_outcome_changes_nothing() {
    let known: Provisioning = after([confirm(3, Access::Full)]);
    assert_eq!(words(&known, confirm(2, Access::Isolated)), Ok("-".to_owned()));
    assert_eq!(words(&known, fail(2, FailureKind::Offline)), Ok("-".to_owned()));
    assert_eq!(words(&known, confirm(3, Access::Full)), Ok("-".to_owned()));
    assert_eq!(
        words(&known, confirm(4, Access::Isolated)),
        Ok("confirmed".to_owned())
    );
}

#[test]
fn a_failure_is_said_once_per_reason_and_version() {
    let failed: Provisioning = after([fail(1, FailureKind::Offline)]);
    assert_eq!(words(&failed, fail(1, FailureKind::Offline)), Ok("-".to_owned()));
    assert_eq!(
        words(&failed, fail(1, FailureKind::Auth)),
        Ok("failed".to_owned())
    );
    assert_eq!(
        words(&failed, fail(2, FailureKind::Offline)),
        Ok("failed".to_owned())
    );
    let newer: Provisioning = after([fail(2, FailureKind::Offline)]);
    assert_eq!(
        words(&newer, fail(1, FailureKind::Auth)),
        Ok("-".to_owned()),
        "older than what is known"
    );
}

#[test]
fn a_confirmation_ends_the_failure_and_tells_what_was_before() {
    let state: Provisioning = after([confirm(1, Access::Isolated), fail(2, FailureKind::Timeout)]);
    assert!(state.failure().is_some());
    let events = state.decide(confirm(2, Access::Full)).expect("accepted");
    let [ProvisioningEvent::Confirmed(confirmed)] = events.as_slice() else {
        panic!("one event")
    };
    assert_eq!(confirmed.previous_access, Some(Access::Isolated));
    let healed: Provisioning = after([
        confirm(1, Access::Isolated),
        fail(2, FailureKind::Timeout),
        confirm(2, Access::Full),
    ]);
    assert_eq!((healed.failure(), healed.confirmed_version()), (None, Some(2)));
}

#[test]
fn a_read_back_that_differs_is_no_confirmation() {
    let ProvisioningCommand::RecordConfirmed(record) = confirm(1, Access::Full) else {
        panic!("a confirmation")
    };
    let differing = ProvisioningCommand::RecordConfirmed(RecordConfirmed {
        observed_hash: hash("b"),
        ..record
    });
    assert_eq!(
        Provisioning::default().decide(differing),
        Err(ProvisioningError::ReadBackDiffers)
    );
    assert_eq!(
        Provisioning::default().decide(confirm(0, Access::Full)),
        Err(ProvisioningError::VersionZero)
    );
    assert_eq!(
        Provisioning::default().decide(fail(0, FailureKind::Auth)),
        Err(ProvisioningError::VersionZero),
    );
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                (0_u64..6, any::<bool>()).prop_map(|(version, full)| {
                    confirm(version, if full { Access::Full } else { Access::Isolated })
                }),
                (0_u64..6, any::<bool>()).prop_map(|(version, auth)| {
                    fail(version, if auth { FailureKind::Auth } else { FailureKind::Offline })
                }),
            ],
            0..24,
        ),
    ) {
        check_replay::<Provisioning>(&commands, |_| true);
    }

    #[test]
    fn the_confirmed_version_never_goes_back(versions in prop::collection::vec(1_u64..20, 1..20)) {
        let state: Provisioning = after(versions.iter().map(|&version| confirm(version, Access::Full)));
        prop_assert_eq!(state.confirmed_version(), versions.iter().max().copied());
    }
}
