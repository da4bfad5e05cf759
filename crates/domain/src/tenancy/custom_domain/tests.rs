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

fn saw(domain: &CustomDomain, observed: Observed, after: TimeDelta) -> CustomDomainCommand {
    CustomDomainCommand::Observe {
        token: "t1".to_owned(),
        status: domain.status(),
        observed,
        at: at(0) + after,
    }
}

fn soon(domain: &CustomDomain, observed: Observed) -> CustomDomainCommand {
    saw(domain, observed, TimeDelta::minutes(5))
}

fn late(domain: &CustomDomain, observed: Observed) -> CustomDomainCommand {
    saw(domain, observed, TimeDelta::days(9))
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

/// What is asked of a domain as it is.
type Step = fn(&CustomDomain) -> CustomDomainCommand;

const STEPS: [(&str, Step); 10] = [
    ("request", |_| request("t2")),
    ("proof", |domain| soon(domain, Observed::Proof)),
    ("no proof", |domain| soon(domain, Observed::NoProof)),
    ("no answer", |domain| soon(domain, Observed::Nothing)),
    ("proof after days", |domain| late(domain, Observed::Proof)),
    ("no proof after days", |domain| late(domain, Observed::NoProof)),
    ("no answer after days", |domain| late(domain, Observed::Nothing)),
    ("release", |_| release()),
    ("revoke", |_| revoke()),
    ("allow", |_| allow()),
];

/// One domain's commands, as these steps make them.
fn told(steps: impl IntoIterator<Item = Step>) -> Vec<CustomDomainCommand> {
    let mut domain = CustomDomain::default();
    let mut tell = |step: Step| {
        let command = step(&domain);
        for event in domain.decide(command.clone()).unwrap_or_default() {
            domain.evolve(&event);
        }
        command
    };
    steps.into_iter().map(&mut tell).collect()
}

/// Where they lead; what is refused changes nothing.
fn stands(steps: impl IntoIterator<Item = Step>) -> CustomDomain {
    told(steps)
        .into_iter()
        .fold(CustomDomain::default(), |mut domain, command| {
            for event in domain.decide(command).unwrap_or_default() {
                domain.evolve(&event);
            }
            domain
        })
}

fn first() -> [Step; 2] {
    [|_| request("t1"), |domain| soon(domain, Observed::Proof)]
}

/// Any of the steps, and the request whose record the DNS has.
fn any_step() -> impl Strategy<Value = Step> {
    (0..=STEPS.len()).prop_map(|pick| STEPS.get(pick).map_or(first()[0], |(_, step)| *step))
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let unproved: Step = |domain| soon(domain, Observed::NoProof);
    let states: [(&str, CustomDomain); 7] = [
        ("ABSENT", CustomDomain::default()),
        ("REQUESTED", stands([first()[0]])),
        ("ACTIVE", stands(first())),
        ("UNPROVED", stands(first().into_iter().chain([unproved]))),
        ("OVER", after([request("t1"), release()])),
        (
            "REVOKED",
            stands(first().into_iter().chain([(|_| revoke()) as Step])),
        ),
        ("ALLOWED", after([revoke(), allow()])),
    ];
    let rows: Vec<String> = states
        .into_iter()
        .map(|(name, state)| {
            let commands = STEPS.map(|(word, step)| (word, step(&state)));
            cells(&[(name, state)], &commands)
        })
        .collect();
    insta::assert_snapshot!(rows.concat());
}

#[test]
fn what_was_seen_about_an_earlier_request_proves_nothing() {
    let again: CustomDomain = after([request("t1"), release(), request("t2")]);
    assert_eq!(again.decide(soon(&again, Observed::Proof)), Ok(Vec::new()));
}

#[test]
fn an_answer_that_comes_after_a_later_one_does_not_undo_it() {
    let requested = stands([first()[0]]);
    let (asked_first, asked_later) = (
        soon(&requested, Observed::NoProof),
        soon(&requested, Observed::Proof),
    );
    let proved: CustomDomain = after([request("t1"), asked_later]);
    assert_eq!(proved.status(), DomainStatus::Active);
    assert_eq!(proved.decide(asked_first), Ok(Vec::new()));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(steps in prop::collection::vec(any_step(), 0..24)) {
        check_replay::<CustomDomain>(&told(steps), |_| true);
    }

    // Whatever the operator and the DNS do: what the platform has taken away leads nowhere until it is allowed.
    #[test]
    fn what_is_revoked_leads_nowhere_until_it_is_allowed(
        before in prop::collection::vec(any_step(), 0..12),
        then in prop::collection::vec(any_step(), 0..24),
    ) {
        let then = then.into_iter().take_while(|step| step(&CustomDomain::default()) != allow());
        let revoke: Step = |_| revoke();
        let domain = stands(before.into_iter().chain([revoke]).chain(then));
        prop_assert_eq!(domain.status(), DomainStatus::Revoked);
        prop_assert_eq!(domain.revoked_for(), Some("phishing"));
    }

    // Of a domain that has moved on since the DNS was asked, the answer says nothing.
    #[test]
    fn an_answer_about_where_a_domain_was_changes_nothing(
        before in prop::collection::vec(any_step(), 0..12),
        meanwhile in prop::collection::vec(any_step(), 0..12),
        answer in prop_oneof![Just(Observed::Proof), Just(Observed::NoProof), Just(Observed::Nothing)],
    ) {
        let asked = stands(before.clone());
        let now = stands(before.into_iter().chain(meanwhile));
        prop_assume!(asked.status() != now.status() && now.name().is_some());
        prop_assert_eq!(now.decide(late(&asked, answer)), Ok(Vec::new()));
    }

    // A resolver that does not answer takes no domain from anybody, however long it is silent.
    #[test]
    fn silence_takes_no_proved_domain_away(hours in prop::collection::vec(1_i64..2_000, 1..40)) {
        let mut domain = stands(first());
        let mut passed = TimeDelta::zero();
        for hours in hours {
            passed += TimeDelta::hours(hours);
            for event in domain.decide(saw(&domain, Observed::Nothing, passed)).expect("known") {
                domain.evolve(&event);
            }
        }
        prop_assert_eq!(domain.status(), DomainStatus::Active);
    }
}
