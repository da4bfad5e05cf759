//! What the loop does next, step by step.

use uuid::Uuid;

use super::*;

fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(number))
}

fn leading(on_error: OnError) -> Machine {
    let mut machine = Machine::new(on_error);
    assert_eq!(machine.step(0, Input::Woken), Effect::TakeLease);
    assert_eq!(machine.step(0, Input::LeaseTaken), Effect::FindWork);
    machine
}

/// Somebody says that a log has grown, which wakes the loop.
fn hint(machine: &mut Machine, now_ms: u64, tenant: TenantId) -> Effect {
    machine.hear(now_ms, Heard::Growth(tenant));
    machine.step(now_ms, Input::Woken)
}

#[test]
fn tenants_with_work_take_turns() {
    let mut machine = leading(OnError::Park);
    let found = Input::Found {
        tenants: vec![tenant(1), tenant(2)],
        more: false,
    };
    assert_eq!(machine.step(1, found), Effect::Process { tenant: tenant(1) });
    let busy = Input::Done {
        tenant: tenant(1),
        more: true,
        concerned: true,
    };
    assert_eq!(machine.step(2, busy), Effect::Process { tenant: tenant(2) });
    let done = Input::Done {
        tenant: tenant(2),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(3, done), Effect::Process { tenant: tenant(1) });
    let done = Input::Done {
        tenant: tenant(1),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(4, done), Effect::Wait { ms: POLL_MS - 4 });
}

#[test]
fn whoever_wakes_to_try_again_does_not_look_everywhere() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    let failed = Input::Transient { tenant: tenant(1) };
    assert_eq!(machine.step(2, failed), Effect::Wait { ms: FIRST_BACKOFF_MS });
    let again = Effect::Process { tenant: tenant(1) };
    assert_eq!(machine.step(2 + FIRST_BACKOFF_MS, Input::Woken), again);
    let done = Input::Done {
        tenant: tenant(1),
        more: false,
        concerned: true,
    };
    let until_look = Effect::Wait { ms: POLL_MS - 60 };
    assert_eq!(machine.step(60, done), until_look);
    assert_eq!(machine.step(POLL_MS, Input::Woken), Effect::FindWork);
    let nothing = Input::Found {
        tenants: Vec::new(),
        more: false,
    };
    assert_eq!(
        machine.step(POLL_MS + 1, nothing),
        Effect::Wait { ms: POLL_MS - 1 }
    );
    machine.hear(POLL_MS + 2, Heard::TooMuch);
    assert_eq!(machine.step(POLL_MS + 2, Input::Woken), Effect::FindWork);
}

#[test]
fn news_that_does_not_concern_it_is_gathered() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    let passed = Input::Done {
        tenant: tenant(1),
        more: false,
        concerned: false,
    };
    assert_eq!(machine.step(2, passed), Effect::Wait { ms: POLL_MS - 2 });
    // Nothing is done for it before its time, and others are not kept waiting.
    assert_eq!(
        hint(&mut machine, 5, tenant(1)),
        Effect::Wait { ms: GATHER_MS - 3 }
    );
    assert_eq!(
        hint(&mut machine, 6, tenant(2)),
        Effect::Process { tenant: tenant(2) }
    );
    let concerned = Input::Done {
        tenant: tenant(2),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(7, concerned), Effect::Wait { ms: GATHER_MS - 5 });
    assert_eq!(
        hint(&mut machine, 2 + GATHER_MS, tenant(2)),
        Effect::Process { tenant: tenant(2) }
    );
    let concerned = Input::Done {
        tenant: tenant(2),
        more: false,
        concerned: true,
    };
    let tenants = vec![tenant(1)];
    assert_eq!(
        machine.step(3 + GATHER_MS, concerned),
        Effect::PassOver { tenants }
    );
}

/// So many tenants with news, of which the last was for others.
fn with_news_for_others(tenants: usize) -> Machine {
    let mut machine = leading(OnError::Park);
    for number in 1..=tenants {
        let tenant = tenant(number as u128);
        assert_eq!(hint(&mut machine, 1, tenant), Effect::Process { tenant });
        let done = Input::Done {
            tenant,
            more: false,
            concerned: false,
        };
        machine.step(1, done);
    }
    for number in 1..=tenants {
        machine.hear(1 + GATHER_MS, Heard::Growth(tenant(number as u128)));
    }
    machine
}

fn tenants(numbers: impl IntoIterator<Item = usize>) -> Vec<TenantId> {
    let numbers = numbers.into_iter();
    numbers.map(|number| tenant(number as u128)).collect()
}

#[test]
fn news_for_others_is_passed_over_together() {
    let mut machine = with_news_for_others(4);
    machine.hear(1 + GATHER_MS, Heard::News(tenant(2)));
    machine.hear(1 + GATHER_MS, Heard::Growth(tenant(5)));
    let now_ms = 1 + GATHER_MS;
    let together = Effect::PassOver {
        tenants: tenants([1, 3, 4]),
    };
    assert_eq!(
        machine.step(now_ms, Input::Woken),
        together,
        "not what is known to concern it"
    );
    let passed_over = Input::PassedOver {
        passed: vec![(tenant(1), true), (tenant(4), false)],
        others: tenants([3]),
    };
    let process = |number| Effect::Process {
        tenant: tenant(number),
    };
    let done = |number| Input::Done {
        tenant: tenant(number),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(now_ms, passed_over), process(3), "it may concern it");
    assert_eq!(machine.step(now_ms, done(3)), process(2));
    assert_eq!(
        machine.step(now_ms, done(2)),
        process(5),
        "nothing is known of it"
    );
    let more = Effect::PassOver {
        tenants: tenants([1]),
    };
    assert_eq!(machine.step(now_ms, done(5)), more, "its log had more");
}

#[test]
fn what_is_heard_of_while_it_is_looked_at_is_looked_at_once_more_and_no_more() {
    let mut machine = with_news_for_others(1);
    let now_ms = 1 + GATHER_MS;
    let together = || Effect::PassOver {
        tenants: tenants([1]),
    };
    let (process, done) = (Effect::Process { tenant: tenant(1) }, |concerned| Input::Done {
        tenant: tenant(1),
        more: false,
        concerned,
    });
    assert_eq!(machine.step(now_ms, Input::Woken), together());
    // Not passed over, and queued already.
    machine.hear(now_ms, Heard::Growth(tenant(1)));
    let passed_over = Input::PassedOver {
        passed: Vec::new(),
        others: tenants([1]),
    };
    assert_eq!(machine.step(now_ms, passed_over), process);
    let wait = Effect::Wait { ms: POLL_MS - now_ms };
    assert_eq!(machine.step(now_ms, done(false)), wait);
    // Somebody waits, so that it is looked at before its time, and meanwhile there is more.
    machine.hear(now_ms + 1, Heard::Wanted(tenant(1)));
    assert_eq!(machine.step(now_ms + 1, Input::Woken), together());
    machine.hear(now_ms + 2, Heard::Growth(tenant(1)));
    let passed_over = Input::PassedOver {
        passed: vec![(tenant(1), false)],
        others: Vec::new(),
    };
    let soon = Effect::Wait { ms: GATHER_MS };
    assert_eq!(machine.step(now_ms + 2, passed_over), soon);
    assert_eq!(machine.step(now_ms + 2 + GATHER_MS, Input::Woken), together());
}

#[test]
fn what_concerns_it_does_not_wait_for_all_that_is_passed_over() {
    let mut machine = with_news_for_others(MAX_TOGETHER + 1);
    let together = Effect::PassOver {
        tenants: tenants(1..=MAX_TOGETHER),
    };
    let now_ms = 1 + GATHER_MS;
    assert_eq!(machine.step(now_ms, Input::Woken), together);
    machine.hear(now_ms, Heard::News(tenant(0)));
    let passed = tenants(1..=MAX_TOGETHER)
        .into_iter()
        .map(|tenant| (tenant, false));
    let passed_over = Input::PassedOver {
        passed: passed.collect(),
        others: Vec::new(),
    };
    let rest = Effect::PassOver {
        tenants: tenants([MAX_TOGETHER + 1]),
    };
    assert_eq!(machine.step(now_ms, passed_over), rest);
    let passed_over = Input::PassedOver {
        passed: vec![(tenant(MAX_TOGETHER as u128 + 1), false)],
        others: Vec::new(),
    };
    let process = Effect::Process { tenant: tenant(0) };
    assert_eq!(machine.step(now_ms, passed_over), process);
}

#[test]
fn what_rests_or_is_looked_at_event_by_event_is_not_passed_over() {
    let mut machine = with_news_for_others(3);
    machine.hear(1 + GATHER_MS, Heard::News(tenant(1)));
    machine.hear(1 + GATHER_MS, Heard::News(tenant(2)));
    let now_ms = 1 + GATHER_MS;
    let together = Effect::PassOver {
        tenants: tenants([3]),
    };
    let process = |number| Effect::Process {
        tenant: tenant(number),
    };
    assert_eq!(machine.step(now_ms, Input::Woken), process(1));
    let poison = Input::Poison {
        tenant: tenant(1),
        seq: None,
    };
    let one = Effect::ProcessOne { tenant: tenant(1) };
    assert_eq!(machine.step(now_ms, poison), one);
    let one_of_more = Input::Done {
        tenant: tenant(1),
        more: true,
        concerned: false,
    };
    assert_eq!(machine.step(now_ms, one_of_more), process(2));
    let failed = Input::Transient { tenant: tenant(2) };
    assert_eq!(machine.step(now_ms, failed), together);
    let passed_over = Input::PassedOver {
        passed: vec![(tenant(3), false)],
        others: Vec::new(),
    };
    assert_eq!(machine.step(now_ms, passed_over), one);
}

#[test]
fn news_that_does_concern_it_is_not_kept_waiting() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    let passed = Input::Done {
        tenant: tenant(1),
        more: false,
        concerned: false,
    };
    machine.step(2, passed);
    machine.hear(3, Heard::News(tenant(1)));
    let process = Effect::Process { tenant: tenant(1) };
    assert_eq!(machine.step(3, Input::Woken), process);
}

#[test]
fn hints_are_heard_while_one_tenant_has_much_to_do() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    machine.hear(2, Heard::News(tenant(2)));
    let busy = || Input::Done {
        tenant: tenant(1),
        more: true,
        concerned: true,
    };
    let of = |number| Effect::Process {
        tenant: tenant(number),
    };
    assert_eq!(machine.step(2, busy()), of(2));
    let more = Input::Done {
        tenant: tenant(2),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(3, more), of(1));
}

#[test]
fn a_poison_event_is_found_alone_and_parked() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    let poison = Input::Poison {
        tenant: tenant(1),
        seq: None,
    };
    assert_eq!(machine.step(2, poison), Effect::ProcessOne { tenant: tenant(1) });
    let more = Input::Done {
        tenant: tenant(1),
        more: true,
        concerned: true,
    };
    assert_eq!(machine.step(3, more), Effect::ProcessOne { tenant: tenant(1) });
    let culprit = Input::Poison {
        tenant: tenant(1),
        seq: Some(7),
    };
    assert_eq!(
        machine.step(4, culprit),
        Effect::Park {
            tenant: tenant(1),
            seq: 7
        }
    );
}

#[test]
fn who_does_not_lead_asks_at_its_own_pace_whatever_the_hints() {
    let mut machine = Machine::new(OnError::Park);
    machine.step(0, Input::Woken);
    let busy = Effect::Wait { ms: LEASE_POLL_MS };
    assert_eq!(machine.step(10, Input::LeaseBusy), busy);
    assert_eq!(
        hint(&mut machine, 110, tenant(1)),
        Effect::Wait {
            ms: LEASE_POLL_MS - 100
        }
    );
    assert_eq!(machine.step(10 + LEASE_POLL_MS, Input::Woken), Effect::TakeLease);
}

#[test]
fn a_ledger_halts_and_tells_once() {
    let mut machine = leading(OnError::Halt);
    hint(&mut machine, 1, tenant(1));
    machine.step(
        2,
        Input::Poison {
            tenant: tenant(1),
            seq: None,
        },
    );
    let culprit = Input::Poison {
        tenant: tenant(1),
        seq: Some(7),
    };
    assert_eq!(
        machine.step(3, culprit.clone()),
        Effect::Halt {
            tenant: tenant(1),
            seq: 7
        }
    );
    assert!(matches!(machine.step(4, Input::Woken), Effect::Wait { .. }));
    assert!(matches!(
        machine.step(
            500,
            Input::Found {
                tenants: vec![tenant(1)],
                more: false
            }
        ),
        Effect::ProcessOne { .. }
    ));
    assert!(matches!(
        machine.step(501, culprit),
        Effect::Wait { .. } | Effect::FindWork
    ));
    assert_eq!(machine.halted().get(&tenant(1)), Some(&7));
}

#[test]
fn a_failing_tenant_rests_longer_each_time_while_others_go_on() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    let mut now_ms = 1;
    let mut waits = Vec::new();
    for _ in 0..4 {
        let mut effect = machine.step(now_ms, Input::Transient { tenant: tenant(1) });
        let failed_at = now_ms;
        while !matches!(effect, Effect::Process { .. }) {
            effect = match effect {
                Effect::Wait { ms } => {
                    now_ms += ms;
                    machine.step(now_ms, Input::Woken)
                }
                Effect::FindWork => machine.step(
                    now_ms,
                    Input::Found {
                        tenants: vec![],
                        more: false,
                    },
                ),
                Effect::CheckLease => machine.step(now_ms, Input::LeaseHeld),
                other => panic!("unexpected {other:?}"),
            };
        }
        waits.push(now_ms - failed_at);
    }
    assert_eq!(waits, [50, 100, 200, 400]);
    machine.step(now_ms, Input::Transient { tenant: tenant(1) });
    assert_eq!(
        hint(&mut machine, now_ms, tenant(2)),
        Effect::Process { tenant: tenant(2) }
    );
}

#[test]
fn a_fenced_worker_lets_go_and_asks_to_lead_again() {
    let mut machine = leading(OnError::Park);
    hint(&mut machine, 1, tenant(1));
    assert_eq!(machine.step(2, Input::Fenced), Effect::ReleaseLease);
    assert_eq!(machine.step(3, Input::LeaseLost), Effect::TakeLease);
    assert_eq!(
        machine.step(4, Input::LeaseBusy),
        Effect::Wait { ms: LEASE_POLL_MS }
    );
}

#[test]
fn what_is_gathered_is_handled_together_unless_somebody_waits() {
    const GATHER: u64 = 30;
    let mut machine = leading(OnError::Park).gathering(GATHER);
    let process = Effect::Process { tenant: tenant(1) };
    let done = |more| Input::Done {
        tenant: tenant(1),
        more,
        concerned: true,
    };
    machine.hear(1, Heard::News(tenant(1)));
    assert_eq!(machine.step(1, Input::Woken), process, "the first at once");
    assert_eq!(machine.step(2, done(true)), process, "there is more already");
    assert_eq!(machine.step(3, done(false)), Effect::Wait { ms: POLL_MS - 3 });
    for now_ms in [10, 20] {
        machine.hear(now_ms, Heard::News(tenant(1)));
        let until = Effect::Wait {
            ms: 3 + GATHER - now_ms,
        };
        assert_eq!(machine.step(now_ms, Input::Woken), until);
    }
    machine.hear(21, Heard::News(tenant(2)));
    let other = Effect::Process { tenant: tenant(2) };
    assert_eq!(machine.step(21, Input::Woken), other, "each log by itself");
    let others = Input::Done {
        tenant: tenant(2),
        more: false,
        concerned: true,
    };
    assert_eq!(machine.step(22, others), Effect::Wait { ms: GATHER - 19 });
    assert_eq!(machine.step(3 + GATHER, Input::Woken), process, "both at once");
    machine.step(34, done(false));
    machine.hear(35, Heard::Wanted(tenant(1)));
    assert_eq!(machine.step(35, Input::Woken), process, "somebody waits");
}
