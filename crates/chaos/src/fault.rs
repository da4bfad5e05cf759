//! The closed list of faults, and which tests show what holds under each.

/// A test by its package and a part of its name that no other test has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    pub package: &'static str,
    pub name: &'static str,
}

/// A fault.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// In the catalogue of faults, such as `R07`.
    pub number: &'static str,
    /// What `./dev chaos` calls it.
    pub word: &'static str,
    pub what: &'static str,
    pub tests: &'static [Test],
}

const fn test(package: &'static str, name: &'static str) -> Test {
    Test { package, name }
}

const fn whole(name: &'static str) -> Test {
    test("simpul-tests", name)
}

const fn shown(
    number: &'static str,
    word: &'static str,
    what: &'static str,
    tests: &'static [Test],
) -> Fault {
    Fault {
        number,
        word,
        what,
        tests,
    }
}

/// Every fault that concerns what is built.
pub const ALL: &[Fault] = &[
    shown(
        "R01",
        "server-killed",
        "the server is killed between any two steps of the main job",
        &[
            whole("a_server_killed_between_any_two_steps"),
            whole("a_server_that_is_killed_again_and_again"),
        ],
    ),
    shown(
        "R02",
        "client-lost",
        "clients go away in the middle of their requests",
        &[whole("clients_that_go_away_leave_nothing_half_done")],
    ),
    shown(
        "R03",
        "begin-cancelled",
        "requests are dropped while a slow database opens their transaction",
        &[whole("requests_dropped_while_a_slow_database_begins")],
    ),
    shown(
        "R04",
        "projector-killed",
        "projectors are killed in their batches, and two run at once",
        &[
            whole("projectors_killed_again_and_again"),
            test("simpul-projections", "two_processes_share_the_shards"),
            test("simpul-projections", "every_event_is_handled_once_and_in_order"),
        ],
    ),
    shown(
        "R05",
        "poison-event",
        "an event that a subscriber cannot handle",
        &[
            test("simpul-projections", "a_poison_event_parks_its_line"),
            test("simpul-projections", "a_ledger_stands_still_at_a_poison_event"),
        ],
    ),
    shown(
        "R06",
        "relay-killed",
        "the relay dies between publishing and its cursor",
        &[test(
            "simpul-adapters",
            "a_relay_that_dies_between_publishing_and_its_cursor",
        )],
    ),
    shown(
        "R07",
        "database-killed",
        "every process of PostgreSQL is killed at once, again and again",
        &[whole("a_database_killed_again_and_again_under_load")],
    ),
    shown(
        "R08",
        "failover",
        "the database hangs and a standby takes its place",
        &[whole("a_standby_that_takes_over_has_everything")],
    ),
    shown(
        "R09",
        "database-hung",
        "PostgreSQL is stopped in its tracks, or the network to it is",
        &[
            whole("a_database_that_hangs_is_answered_for_within_two_seconds"),
            whole("a_database_behind_a_black_hole"),
        ],
    ),
    shown(
        "R10",
        "broker-killed",
        "RabbitMQ is killed while it works",
        &[
            whole("a_broker_killed_within_the_job"),
            test("simpul-adapters", "a_broker_killed_while_events_are_published"),
        ],
    ),
    shown(
        "R11",
        "broker-cut",
        "the network to RabbitMQ swallows everything and says nothing",
        &[whole("a_broker_behind_a_black_hole")],
    ),
    shown(
        "R12",
        "broker-full",
        "RabbitMQ blocks its publishers",
        &[whole("a_broker_that_blocks_its_publishers")],
    ),
    shown(
        "R13",
        "broker-minority",
        "one of three nodes of RabbitMQ is cut off",
        &[whole("a_node_of_the_broker_that_is_cut_off")],
    ),
    shown(
        "R14",
        "repeated",
        "every message is delivered many times and in any order",
        &[whole("every_message_again_and_again_in_any_order")],
    ),
    shown(
        "R15",
        "poison-message",
        "a message that cannot be read, or that kills its consumer",
        &[
            test("simpul-adapters", "a_poison_message_is_buried"),
            test("simpul-adapters", "a_message_that_is_no_envelope"),
            test("simpul-adapters", "a_message_that_kills_every_consumer"),
        ],
    ),
    shown(
        "R16",
        "router-offline",
        "a router is away for days",
        &[test("simpul-adapters", "a_router_that_comes_back_after_days")],
    ),
    shown(
        "R17",
        "router-half-done",
        "a router does half of it, or its answer is lost",
        &[test("simpul-adapters", "a_connection_dropped_at_any_write")],
    ),
    shown(
        "R18",
        "router-hostile",
        "one router is slow, hangs, or never stops talking",
        &[whole("a_hostile_router_holds_up_nobody_else")],
    ),
    shown(
        "R19",
        "router-stranger",
        "another router answers at the address",
        &[test("simpul-adapters", "another_router_behind_the_address")],
    ),
    shown(
        "R20",
        "messenger",
        "the messenger throttles, fails, or accepts without an answer",
        &[
            whole("a_messenger_that_fails_in_every_way"),
            test(
                "simpul-adapters",
                "a_message_is_sent_again_after_a_definite_refusal",
            ),
            test("simpul-adapters", "a_message_whose_fate_is_unknown"),
        ],
    ),
    shown(
        "R21",
        "notices",
        "a gateway's notices come repeated, in any order, late",
        &[
            whole("every_rupiah_goes_somewhere"),
            whole("ten_copies_of_a_notice_at_once"),
            whole("a_notice_that_meets_a_dead_server"),
        ],
    ),
    shown(
        "R22",
        "concurrent",
        "many commands at once on one aggregate",
        &[
            test("simpul-event-store", "parallel_commands_on_one_stream"),
            test("simpul-event-store", "of_parallel_creates_exactly_as_many"),
            test("simpul-event-store", "of_writers_that_read_the_same_version"),
        ],
    ),
    shown(
        "R23",
        "deadlock",
        "two commands take the same streams in opposite order",
        &[test(
            "simpul-event-store",
            "commands_that_take_streams_in_opposite_order",
        )],
    ),
    shown(
        "R24",
        "clock",
        "servers whose clocks are apart, and one that is set back",
        &[whole("servers_whose_clocks_disagree")],
    ),
    shown(
        "R26",
        "scheduler-killed",
        "schedulers are killed in their runs, and two run at once",
        &[whole("schedulers_killed_in_their_runs")],
    ),
    shown(
        "R27",
        "database-full",
        "the database's disk is full",
        &[whole("a_full_database_says_so")],
    ),
    shown(
        "R28",
        "few-files",
        "the server may open only few files, and clients take what they get",
        &[whole("clients_that_hold_every_seat_leave_the_server_its_files")],
    ),
    shown(
        "R29",
        "rollback",
        "a new release writes events that the old one does not know",
        &[whole("events_of_a_release_that_was_taken_back")],
    ),
    shown(
        "R30",
        "migration",
        "a migration is killed half-way",
        &[whole(
            "a_migration_that_is_killed_in_the_middle_is_clean_and_is_finished_by_the_next_start",
        )],
    ),
    shown(
        "R31",
        "restore",
        "last night's backup is restored",
        &[whole("the_drill_loses_everything_and_the_main_job_works_again")],
    ),
    shown(
        "R35",
        "names",
        "names are not resolved, or slowly",
        &[
            whole("names_that_nobody_answers_for_are_their_operators_matter"),
            test(
                "simpul-adapters",
                "names_that_nobody_answers_for_hold_up_no_other",
            ),
        ],
    ),
    shown(
        "R36",
        "restarts",
        "servers are stopped one after the other under load",
        &[whole(
            "no_request_fails_while_instances_are_restarted_one_after_the_other",
        )],
    ),
    shown(
        "R37",
        "flood",
        "one tenant asks for far more than its share",
        &[whole("a_tenant_that_floods_is_refused_and_others_are_not")],
    ),
    shown(
        "R38",
        "tampered",
        "a superuser changes stored events",
        &[
            whole("a_log_that_was_changed_or_cut_off"),
            test("simpul-event-store", "every_way_to_tamper_is_found"),
        ],
    ),
];

/// By word or by number.
pub fn find(name: &str) -> Option<&'static Fault> {
    ALL.iter()
        .find(|fault| fault.word == name || fault.number.eq_ignore_ascii_case(name))
}

impl Fault {
    /// What picks its tests, in the language of nextest.
    pub fn filter(&self) -> String {
        let each: Vec<String> = self
            .tests
            .iter()
            .map(|test| format!("(package({}) & test({}))", test.package, test.name))
            .collect();
        each.join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_its_own_number_and_word_and_is_shown() {
        let mut names = BTreeSet::new();
        for fault in ALL {
            assert!(
                names.insert(fault.number) && names.insert(fault.word),
                "{fault:?}"
            );
            assert!(!fault.tests.is_empty(), "{fault:?}");
        }
        assert_eq!(find("r07").map(|fault| fault.word), Some("database-killed"));
    }
}
