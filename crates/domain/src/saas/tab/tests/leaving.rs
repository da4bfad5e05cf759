//! From the order of an operator's deletion on nothing is charged; what was billed beyond it is given back, once.

use chrono::Datelike as _;

use super::*;

const PLAN: i64 = 150_000;

fn day(number: u64) -> NaiveDate {
    date(1, 1) + Days::new(number)
}

fn suspend(from: NaiveDate) -> TabCommand {
    TabCommand::Suspend { from, at: at(7) }
}

fn resume(from: NaiveDate) -> TabCommand {
    TabCommand::Resume { from, at: at(8) }
}

fn apply(tab: &mut Tab, command: TabCommand) {
    for event in tab.decide(command).expect("accepted") {
        tab.evolve(&event);
    }
}

/// Bills what has begun, as the timers of the day's first minute do.
fn bill_until(tab: &mut Tab, today: NaiveDate) -> Vec<(TabStatus, PeriodBilled)> {
    let mut bills = Vec::new();
    loop {
        let status = tab.status();
        let Some(event) = tab.decide(bill(today)).expect("accepted").pop() else {
            return bills;
        };
        tab.evolve(&event);
        if let TabEvent::PeriodBilled(billed) = event {
            bills.push((status, *billed));
        }
    }
}

/// The totals of the bills up to August, and what could not be used up.
fn history(opened_on: NaiveDate, steps: Vec<(NaiveDate, TabCommand)>) -> (Vec<i64>, i64) {
    let mut tab: Tab = after([open(opened_on), start("plan", PLAN, opened_on)]);
    let mut bills = Vec::new();
    for (on, command) in steps {
        bills.extend(bill_until(&mut tab, on));
        apply(&mut tab, command);
    }
    bills.extend(bill_until(&mut tab, date(6, 2)));
    let totals = bills
        .iter()
        .filter(|(_, billed)| billed.invoice.is_some())
        .map(|(_, billed)| total(billed))
        .collect();
    let carried = bills.last().map_or(0, |(_, billed)| billed.carried.get());
    (totals, carried)
}

#[test]
fn a_deleted_operator_owes_the_days_up_to_the_order() {
    let (april, ordered) = (date(4, 1), date(4, 10));
    let gone = || (date(5, 10), close(ordered));
    let table = [
        (
            "9 of 30 days; one last bill gives back 21",
            april,
            vec![(ordered, suspend(ordered)), gone()],
            vec![PLAN, 0],
            105_000,
        ),
        (
            "still in its grace",
            april,
            vec![(ordered, suspend(ordered))],
            vec![PLAN, 0],
            105_000,
        ),
        (
            "ordered on the billing day, after its bill",
            april,
            vec![(april, suspend(april)), (date(5, 1), close(april))],
            vec![PLAN, 0],
            150_000,
        ),
        (
            "ordered on the last day",
            april,
            vec![(date(4, 30), suspend(date(4, 30)))],
            vec![PLAN, 0],
            5_000,
        ),
        (
            "gone before its first bill: 18 of 30 days",
            date(4, 2),
            vec![(date(4, 20), suspend(date(4, 20)))],
            vec![90_000],
            0,
        ),
        (
            "restored in the same month: 9 and 11 days were used, the rest comes off the bill of May",
            april,
            vec![(ordered, suspend(ordered)), (date(4, 20), resume(date(4, 20)))],
            vec![PLAN, PLAN + 45_000 + 55_000 - PLAN, PLAN],
            0,
        ),
        (
            "restored after the last bill: June, 27 of 31 days of May, less what was left of April",
            april,
            vec![(ordered, suspend(ordered)), (date(5, 5), resume(date(5, 5)))],
            vec![PLAN, 0, PLAN + (PLAN - PLAN * 4 / 31) - 105_000],
            0,
        ),
        (
            "restored on the day of the order",
            april,
            vec![(ordered, suspend(ordered)), (ordered, resume(ordered))],
            vec![PLAN, PLAN, PLAN],
            0,
        ),
    ];
    for (what, opened_on, steps, totals, carried) in table {
        assert_eq!(history(opened_on, steps), (totals, carried), "{what}");
    }
}

#[test]
fn a_suspended_tab_prints_what_was_used_and_what_was_billed() {
    let tab: Tab = after([
        open(date(4, 1)),
        start("plan", PLAN, date(4, 1)),
        bill(date(4, 1)),
        suspend(date(4, 10)),
    ]);
    assert_eq!(tab.charges_on(date(4, 10)).count(), 0);
    let last = billed(&tab, date(5, 1));
    let printed: Vec<(&str, i64)> = last
        .lines
        .iter()
        .map(|line| (line.description.as_str(), line.amount.get()))
        .collect();
    assert_eq!(
        printed,
        [
            ("plan 2026-04-01..2026-04-10 (9/30 hari)", 45_000),
            ("plan 2026-04-01..2026-05-01 (sudah ditagih)", -150_000),
            ("Dipindahkan ke tagihan berikutnya", 105_000),
        ]
    );
    assert_eq!((last.next_on, last.carried), (None, rupiah(105_000)));
}

#[derive(Debug, Clone)]
enum Step {
    Plan(i64),
    EndAddOn,
    Order,
    Restore,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        3 => (0_i64..2_000_000).prop_map(Step::Plan),
        1 => Just(Step::EndAddOn),
        3 => Just(Step::Order),
        3 => Just(Step::Restore),
    ];
    (0_u64..240, step)
}

/// What an account says, and by itself what every day costs.
struct World {
    tab: Tab,
    ordered_on: Option<NaiveDate>,
    is_gone: bool,
    prices: [i64; 2],
    cost: i64,
}

impl World {
    fn new() -> Self {
        let prices = [PLAN, 50_000];
        let tab = after([
            open(day(0)),
            start("plan", prices[0], day(0)),
            start("add_on/extra_router", prices[1], day(0)),
        ]);
        Self {
            tab,
            ordered_on: None,
            is_gone: false,
            prices,
            cost: 0,
        }
    }

    fn take(&mut self, today: NaiveDate, step: &Step) {
        if self.is_gone {
            return;
        }
        let command = match (step, self.ordered_on) {
            (Step::Plan(price), None) => {
                self.prices[0] = *price;
                start("plan", *price, today)
            }
            (Step::EndAddOn, _) => {
                self.prices[1] = 0;
                end("add_on/extra_router", today)
            }
            (Step::Order, None) => {
                self.ordered_on = Some(today);
                suspend(today)
            }
            (Step::Restore, Some(_)) => {
                self.ordered_on = None;
                resume(today)
            }
            (Step::Plan(_) | Step::Order, Some(_)) | (Step::Restore, None) => return,
        };
        apply(&mut self.tab, command);
    }

    fn delete_if_due(&mut self, today: NaiveDate) {
        if let Some(ordered_on) = self.ordered_on.filter(|on| *on + Days::new(30) <= today)
            && !self.is_gone
        {
            self.is_gone = true;
            apply(&mut self.tab, close(ordered_on));
        }
    }

    fn end_of_day(&mut self, today: NaiveDate) {
        if self.ordered_on.is_some() {
            return;
        }
        let (elapsed, month) = (i64::from(today.day0()), i64::from(today.num_days_in_month()));
        let cost = |price: i64| price * (elapsed + 1) / month - price * elapsed / month;
        self.cost += self.prices.into_iter().map(cost).sum::<i64>();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // Property 76: what was billed, less what is given back, is the price of the days before the order and after a
    // restoration.
    #[test]
    fn an_operator_that_leaves_and_returns_pays_for_its_days(mut steps in prop::collection::vec(step(), 0..20)) {
        steps.sort_by_key(|(on, _)| *on);
        // Whoever is still there leaves in the end.
        steps.push((245, Step::Order));
        let (mut world, mut asked, mut carried) = (World::new(), 0, 0);
        for number in 0..330 {
            let today = day(number);
            for (status, billed) in bill_until(&mut world.tab, today) {
                asked += total(&billed);
                carried = billed.carried.get();
                if status != TabStatus::Open {
                    prop_assert_eq!(billed.next_on, None, "one last bill");
                    prop_assert!(billed.billed.is_empty(), "nothing is asked for days to come");
                }
            }
            world.delete_if_due(today);
            for (_, step) in steps.iter().filter(|(on, _)| *on == number) {
                world.take(today, step);
            }
            world.end_of_day(today);
        }
        prop_assert_eq!(world.tab.status(), TabStatus::Settled);
        prop_assert_eq!(asked - carried, world.cost);
    }
}
