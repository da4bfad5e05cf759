//! Every cell of status × command, replay, and how long a proof may be missing.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    CustomDomainId, Decider as _,
    given::{after, at, cells, check_replay, uuid},
};

fn request(token: &str) -> CustomDomainCommand {
    CustomDomainCommand::Request {
        domain: CustomDomainId::new(uuid(1)),
        name: DomainName::parse("billing.wifimaju.id").expect("a name"),
        token: token.to_owned(),
        at: at(0),
    }
}

fn saw(observed: Observed, after: TimeDelta) -> CustomDomainCommand {
    CustomDomainCommand::Observe {
        token: "t1".to_owned(),
        observed,
        at: at(0) + after,
    }
}

fn soon(observed: Observed) -> CustomDomainCommand {
    saw(observed, TimeDelta::minutes(5))
}

fn late(observed: Observed) -> CustomDomainCommand {
    saw(observed, TimeDelta::days(9))
}

fn release() -> CustomDomainCommand {
    CustomDomainCommand::Release {
        reason: "sold".to_owned(),
        at: at(9),
    }
}

fn revoke() -> CustomDomainCommand {
    CustomDomainCommand::Revoke {
        domain: CustomDomainId::new(uuid(1)),
        name: DomainName::parse("billing.wifimaju.id").expect("a name"),
        reason: "phishing".to_owned(),
        at: at(9),
    }
}

fn allow() -> CustomDomainCommand {
    CustomDomainCommand::Allow { at: at(9) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let proved = || [request("t1"), soon(Observed::Proof)];
    let states: [(&str, CustomDomain); 7] = [
        ("ABSENT", CustomDomain::default()),
        ("REQUESTED", after([request("t1")])),
        ("ACTIVE", after(proved())),
        (
            "UNPROVED",
            after(proved().into_iter().chain([soon(Observed::NoProof)])),
        ),
        ("OVER", after([request("t1"), release()])),
        ("REVOKED", after(proved().into_iter().chain([revoke()]))),
        ("ALLOWED", after([revoke(), allow()])),
    ];
    let commands = [
        ("request", request("t2")),
        ("proof", soon(Observed::Proof)),
        ("no proof", soon(Observed::NoProof)),
        ("no answer", soon(Observed::Nothing)),
        ("proof after days", late(Observed::Proof)),
        ("no proof after days", late(Observed::NoProof)),
        ("no answer after days", late(Observed::Nothing)),
        ("release", release()),
        ("revoke", revoke()),
        ("allow", allow()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn what_was_seen_about_an_earlier_request_proves_nothing() {
    let again: CustomDomain = after([request("t1"), release(), request("t2")]);
    assert_eq!(again.decide(soon(Observed::Proof)), Ok(Vec::new()));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(picks in prop::collection::vec(0_usize..10, 0..24)) {
        let all = [
            request("t1"), request("t2"), soon(Observed::Proof), soon(Observed::NoProof), soon(Observed::Nothing),
            late(Observed::Proof), late(Observed::NoProof), release(), revoke(), allow(),
        ];
        let commands: Vec<_> = picks.into_iter().map(|pick| all[pick].clone()).collect();
        check_replay::<CustomDomain>(&commands, |_| true);
    }

    // Whatever the operator and the DNS do: what the platform has taken away leads nowhere until it is allowed.
    #[test]
    fn what_is_revoked_leads_nowhere_until_it_is_allowed(
        before in prop::collection::vec(0_usize..8, 0..12),
        picks in prop::collection::vec(0_usize..9, 0..24),
    ) {
        let all = [
            request("t1"), request("t2"), soon(Observed::Proof), soon(Observed::NoProof), soon(Observed::Nothing),
            late(Observed::Proof), late(Observed::NoProof), release(), revoke(),
        ];
        let told = |picks: Vec<usize>| picks.into_iter().map(|pick| all[pick].clone()).collect::<Vec<_>>();
        let commands = told(before).into_iter().chain([revoke()]).chain(told(picks));
        let mut domain = CustomDomain::default();
        for command in commands {
            for event in domain.decide(command).unwrap_or_default() {
                domain.evolve(&event);
            }
        }
        prop_assert_eq!(domain.status(), DomainStatus::Revoked);
        prop_assert_eq!(domain.revoked_for(), Some("phishing"));
    }

    // A resolver that does not answer takes no domain from anybody, however long it is silent.
    #[test]
    fn silence_takes_no_proved_domain_away(hours in prop::collection::vec(1_i64..2_000, 1..40)) {
        let mut domain: CustomDomain = after([request("t1"), soon(Observed::Proof)]);
        let mut passed = TimeDelta::zero();
        for hours in hours {
            passed += TimeDelta::hours(hours);
            for event in domain.decide(saw(Observed::Nothing, passed)).expect("known") {
                domain.evolve(&event);
            }
        }
        prop_assert_eq!(domain.status(), DomainStatus::Active);
    }
}
