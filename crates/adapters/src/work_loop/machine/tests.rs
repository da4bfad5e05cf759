//! The loop by script, and what holds for every order of its inputs.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(number))
}

fn ticket(id: u64, place: &str) -> Ticket {
    Ticket {
        id,
        place: Some(place.to_owned()),
        start_by_ms: 1_000,
    }
}

fn leased(tickets: Vec<Ticket>) -> Input {
    Input::Leased {
        tenant: tenant(1),
        tickets,
        more: false,
    }
}

#[test]
fn items_of_one_place_take_turns_and_others_do_not_wait() {
    let mut machine = Machine::new(Settings::default());
    assert_eq!(machine.step(0, Input::Woken), [Effect::Find]);
    let found = Input::Found {
        tenants: vec![tenant(1)],
        more: false,
    };
    assert_eq!(
        machine.step(1, found),
        [Effect::Lease {
            tenant: tenant(1),
            limit: 8
        }]
    );
    let effects = machine.step(2, leased(vec![ticket(1, "a"), ticket(2, "a"), ticket(3, "b")]));
    assert_eq!(effects[..2], [Effect::Start { id: 1 }, Effect::Start { id: 3 }]);
    assert!(matches!(effects[2], Effect::Wait { .. }));
    let effects = machine.step(3, Input::Finished { id: 1 });
    assert_eq!(effects[0], Effect::Start { id: 2 });
}

#[test]
fn an_item_whose_lease_is_old_is_given_back() {
    let mut machine = Machine::new(Settings::default());
    machine.step(0, leased(vec![ticket(1, "a"), ticket(2, "a")]));
    let effects = machine.step(1_000, Input::Finished { id: 1 });
    assert_eq!(effects[0], Effect::GiveBack { id: 2 });
}

#[test]
fn a_slow_place_does_not_fill_the_room_of_the_others() {
    let mut machine = Machine::new(Settings::default());
    let effects = machine.step(0, leased((1..=5).map(|id| ticket(id, "slow")).collect()));
    assert_eq!(
        effects[..3],
        [
            Effect::Start { id: 1 },
            Effect::GiveBack { id: 4 },
            Effect::GiveBack { id: 5 }
        ]
    );
    let effects = machine.step(1, leased(vec![ticket(6, "slow"), ticket(7, "fast")]));
    assert_eq!(
        effects[..2],
        [Effect::GiveBack { id: 6 }, Effect::Start { id: 7 }]
    );
}

#[test]
fn an_empty_look_is_not_repeated_at_once_but_soon() {
    let mut machine = Machine::new(Settings::default());
    machine.step(0, Input::Woken);
    let found = Input::Found {
        tenants: vec![],
        more: false,
    };
    assert_eq!(machine.step(0, found), [Effect::Wait { ms: 200 }]);
    assert_eq!(machine.step(5, Input::Woken), [Effect::Wait { ms: 15 }]);
    assert_eq!(machine.step(20, Input::Woken), [Effect::Find]);
}

#[test]
fn a_database_that_is_away_is_asked_again_after_a_pause() {
    let mut machine = Machine::new(Settings::default());
    machine.step(0, Input::Woken);
    assert_eq!(machine.step(0, Input::Unavailable), [Effect::Wait { ms: 200 }]);
    assert_eq!(machine.step(200, Input::Woken), [Effect::Find]);
}

fn found(tenants: &[u128]) -> Input {
    Input::Found {
        tenants: tenants.iter().copied().map(tenant).collect(),
        more: false,
    }
}

fn lease(number: u128) -> Effect {
    Effect::Lease {
        tenant: tenant(number),
        limit: 8,
    }
}

#[test]
fn a_look_that_took_long_is_not_repeated_at_once_and_meanwhile_whoever_had_work_is_asked_again() {
    let mut machine = Machine::new(Settings::default());
    machine.step(0, Input::Woken);
    assert_eq!(machine.step(10, found(&[1])), [lease(1)]);
    machine.step(11, leased(vec![ticket(1, "a")]));
    assert!(machine.step(12, Input::Finished { id: 1 }).contains(&lease(1)));
    machine.step(13, leased(vec![ticket(2, "a")]));
    assert_eq!(machine.step(14, Input::Woken), [Effect::Wait { ms: 76 }]);
    // It took 10 ms, and a look may be one part in eight.
    assert!(
        machine
            .step(90, Input::Finished { id: 2 })
            .contains(&Effect::Find)
    );
    assert_eq!(machine.step(90, found(&[])), [Effect::Wait { ms: 200 }]);
}

#[test]
fn whoever_was_found_has_a_turn_before_the_next_look() {
    let mut machine = Machine::new(Settings::default());
    machine.step(0, Input::Woken);
    assert_eq!(machine.step(0, found(&[1, 2])), [lease(1)]);
    let more = Input::Leased {
        tenant: tenant(1),
        tickets: vec![ticket(1, "a")],
        more: true,
    };
    assert!(machine.step(0, more).contains(&Effect::Lease {
        tenant: tenant(2),
        limit: 8
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_place_is_ever_entered_twice_and_every_item_starts_or_is_given_back_once(
        script in prop::collection::vec((0_u8..4, 0_u8..3, 0_u64..400), 1..200),
    ) {
        let settings = Settings { concurrency: 3, waiting: 6, share: 3, ..Settings::default() };
        let mut machine = Machine::new(settings);
        let mut now = 0;
        let mut places: BTreeMap<u64, String> = BTreeMap::new();
        let mut running: BTreeSet<u64> = BTreeSet::new();
        let mut ended: BTreeSet<u64> = BTreeSet::new();
        let mut pending = machine.step(now, Input::Woken);
        let mut next_id = 0;
        for (choice, place, pause) in script {
            now += pause;
            for effect in &pending {
                match effect {
                    Effect::Start { id } => {
                        prop_assert!(!running.iter().any(|other| places[other] == places[id]));
                        prop_assert!(running.insert(*id) && !ended.contains(id));
                    }
                    Effect::GiveBack { id } => prop_assert!(ended.insert(*id)),
                    Effect::Find | Effect::Lease { .. } | Effect::Wait { .. } => {}
                }
            }
            prop_assert!(running.len() <= settings.concurrency);
            let finished = running.iter().next().copied().filter(|_| choice == 0);
            let input = match (finished, pending.last()) {
                (Some(id), _) => {
                    running.remove(&id);
                    ended.insert(id);
                    Input::Finished { id }
                }
                (None, Some(Effect::Find)) => Input::Found { tenants: vec![tenant(1)], more: choice == 1 },
                (None, Some(Effect::Lease { limit, .. })) => {
                    let tickets: Vec<Ticket> = (0..*limit as u64)
                        .map(|n| Ticket { id: next_id + n, place: Some(place.to_string()), start_by_ms: now + 500 })
                        .collect();
                    next_id += tickets.len() as u64;
                    places.extend(tickets.iter().map(|ticket| (ticket.id, place.to_string())));
                    Input::Leased { tenant: tenant(1), tickets, more: choice == 2 }
                }
                (None, _) => Input::Woken,
            };
            pending = machine.step(now, input);
        }
    }
}
