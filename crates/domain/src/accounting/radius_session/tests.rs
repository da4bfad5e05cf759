//! Every cell of status × command; usage never falls, whatever is said.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, RadiusSessionId, RouterId,
    accounting::{Cause, Octets, Usage},
    given::{after, at, cells, check_replay, uuid},
};

fn session() -> RadiusSessionId {
    RadiusSessionId::new(uuid(1))
}

fn router() -> RouterId {
    RouterId::new(uuid(2))
}

fn usage(octets: u64) -> Usage {
    let octets = Octets::try_new(octets).expect("in range");
    Usage {
        seconds: 60,
        input_octets: octets,
        output_octets: octets,
    }
}

fn start() -> RadiusSessionCommand {
    RadiusSessionCommand::Start(Started {
        session: session(),
        router: router(),
        subscription: None,
        started_at: at(0),
        told: true,
    })
}

fn record(octets: u64) -> RadiusSessionCommand {
    RadiusSessionCommand::RecordUsage(UsageRecorded {
        session: session(),
        router: router(),
        subscription: None,
        usage: usage(octets),
        at: at(1),
    })
}

fn stop(octets: u64, told: bool) -> RadiusSessionCommand {
    RadiusSessionCommand::Stop(Stopped {
        session: session(),
        router: router(),
        subscription: None,
        cause: if told { Cause::UserRequest } else { Cause::Lost },
        told,
        stopped_at: at(2),
        usage: usage(octets),
    })
}

fn correct(octets: u64) -> RadiusSessionCommand {
    RadiusSessionCommand::CorrectEnd(EndCorrected {
        session: session(),
        router: router(),
        subscription: None,
        cause: Cause::UserRequest,
        stopped_at: at(3),
        usage: usage(octets),
    })
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, RadiusSession); 4] = [
        ("ABSENT", RadiusSession::default()),
        ("OPEN", after([start(), record(10)])),
        ("OVER, CONCLUDED", after([start(), stop(10, false)])),
        ("OVER, TOLD", after([start(), stop(10, true)])),
    ];
    let commands = [
        ("start", start()),
        ("record more", record(20)),
        ("record less", record(5)),
        ("stop", stop(20, true)),
        ("correct the end", correct(20)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

fn any_command() -> impl Strategy<Value = RadiusSessionCommand> {
    prop_oneof![
        Just(start()),
        (0_u64..100).prop_map(record),
        (0_u64..100, any::<bool>()).prop_map(|(octets, told)| stop(octets, told)),
        (0_u64..100).prop_map(correct),
    ]
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in prop::collection::vec(any_command(), 0..12)) {
        check_replay::<RadiusSession>(&commands, |command| {
            !matches!(command, RadiusSessionCommand::CorrectEnd(_))
        });
    }

    #[test]
    fn usage_in_the_log_never_falls(commands in prop::collection::vec(any_command(), 0..12)) {
        let mut state = RadiusSession::default();
        for command in commands {
            let before = state.usage();
            for event in state.decide(command).unwrap_or_default() {
                state.evolve(&event);
            }
            prop_assert_eq!(before.joined(state.usage()), state.usage());
        }
    }
}
