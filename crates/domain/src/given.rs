//! Given events, when a command, then events or the typed error; and what holds for every aggregate.

use std::fmt::Debug;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use cqrs_es::DomainEvent as _;
use uuid::Uuid;

use crate::{
    AnyEvent, Coded, Decider, Rupiah, Sealed, ServicePlanId, catalog::PlanTerms, network::PppProfile,
};

/// The state after these commands, each of which must be accepted.
pub(crate) fn after<A: Decider>(commands: impl IntoIterator<Item = A::Command>) -> A {
    commands.into_iter().fold(A::default(), |mut state, command| {
        for event in state.decide(command).expect("accepted") {
            state.evolve(&event);
        }
        state
    })
}

/// The events of a command, by the last word of their stored names.
pub(crate) fn words<A: Decider>(state: &A, command: A::Command) -> Result<String, A::Error> {
    let events = state.decide(command)?;
    let names: Vec<String> = events
        .iter()
        .map(|event| {
            event
                .event_type()
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    Ok(if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(" + ")
    })
}

/// Every cell of status × command, one per line.
pub(crate) fn cells<A: Decider>(states: &[(&str, A)], commands: &[(&str, A::Command)]) -> String
where
    A::Command: Clone,
{
    let mut text = String::new();
    for (state_name, state) in states {
        for (command_name, command) in commands {
            let cell = words(state, command.clone())
                .unwrap_or_else(|error| format!("refused {}", error.code().as_str()));
            text.extend([*state_name, " | ", *command_name, " | ", cell.as_str(), "\n"]);
        }
    }
    text
}

// Property 74: replaying the log gives the state, from the beginning and from any snapshot; a command that took
// effect yields nothing when it comes again.
pub(crate) fn check_replay<A>(commands: &[A::Command], repeatable: fn(&A::Command) -> bool)
where
    A: Decider + PartialEq + Debug,
    A::Command: Clone + Debug,
    A::Event: Into<AnyEvent>,
{
    let mut live = A::default();
    let mut replayed = A::default();
    let mut from_snapshot = A::default();
    for (index, command) in commands.iter().enumerate() {
        let Ok(events) = live.decide(command.clone()) else {
            continue;
        };
        for event in &events {
            live.evolve(event);
            let payload = serde_json::to_value(event).expect("an event is JSON");
            replayed.evolve(&serde_json::from_value(payload.clone()).expect("what was written can be read"));
            let parsed = AnyEvent::parse(
                A::TYPE,
                &event.event_type(),
                &event.event_version(),
                &payload.to_string(),
            )
            .expect("in the registry");
            assert_eq!(parsed, event.clone().into());
            from_snapshot.evolve(event);
        }
        if index % 3 == 0 {
            let snapshot = serde_json::to_value(&from_snapshot).expect("a state is JSON");
            from_snapshot = serde_json::from_value(snapshot).expect("a snapshot can be read");
        }
        if repeatable(command) {
            let again = live.decide(command.clone()).map_err(|error| error.to_string());
            assert_eq!(again, Ok(Vec::new()), "{command:?} came twice");
        }
    }
    assert_eq!(replayed, live);
    assert_eq!(from_snapshot, live);
}

pub(crate) const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("in range")
}

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::new(text.to_owned())
}

/// Noon of 1 November 2026 in Jakarta, and `minutes` later.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    day(1).and_hms_opt(5, 0, 0).expect("a time").and_utc() + TimeDelta::minutes(minutes)
}

/// A day of November 2026; days past the 30th run on into December.
pub(crate) fn day(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).expect("a date") + Days::new(day - 1)
}

pub(crate) fn terms(price: i64) -> PlanTerms {
    PlanTerms {
        plan: ServicePlanId::new(uuid(70)),
        name: "Rumah 10".to_owned(),
        download_kbps: 10_000,
        upload_kbps: 5_000,
        price: rupiah(price),
        profile: PppProfile::parse("rumah-10").expect("a name"),
    }
}
