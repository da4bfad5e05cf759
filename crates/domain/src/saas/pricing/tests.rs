//! Every day of a charge is billed once, and the parts add up.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::*;
use crate::given::rupiah;

fn date(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a date")
}

fn month(number: u32) -> Period {
    Period::try_new(date(number, 1), date(number + 1, 1)).expect("a period")
}

fn charge(item: &str, price: i64, from: NaiveDate, until: Option<NaiveDate>) -> Charge {
    Charge {
        item: Item::parse(item).expect("an item"),
        label: item.to_owned(),
        price: rupiah(price),
        from,
        until,
    }
}

fn printed(priced: &Priced) -> Vec<(LineKind, String, i64)> {
    priced
        .lines
        .iter()
        .map(|line| (line.kind, line.description.clone(), line.amount.get()))
        .collect()
}

#[test]
fn an_upgrade_in_mid_period_gives_back_the_unused_and_charges_the_rest() {
    let charges = [
        charge("plan", 150_000, date(10, 1), Some(date(11, 16))),
        charge("plan", 400_000, date(11, 16), None),
    ];
    let before = Before {
        period: month(11),
        billed: vec![BilledItem {
            item: Item::plan(),
            label: "basic".to_owned(),
            amount: rupiah(150_000),
        }],
    };
    let priced = price(month(11), None, Rupiah::ZERO, &charges, None).expect("priced");
    assert_eq!(
        priced.billed[0].amount,
        rupiah(75_000 + 200_000),
        "as known today"
    );
    let december = Period::try_new(date(12, 1), date(12, 31) + Days::new(1)).expect("a period");
    let priced = price(december, Some(&before), Rupiah::ZERO, &charges, None).expect("priced");
    assert_eq!(
        printed(&priced),
        [
            (LineKind::Plan, "plan 2026-12-01..2027-01-01".to_owned(), 400_000),
            (
                LineKind::Proration,
                "plan 2026-11-01..2026-11-16 (15/30 hari)".to_owned(),
                75_000
            ),
            (
                LineKind::Proration,
                "plan 2026-11-16..2026-12-01 (15/30 hari)".to_owned(),
                200_000
            ),
            (
                LineKind::Credit,
                "basic 2026-11-01..2026-12-01 (sudah ditagih)".to_owned(),
                -150_000
            ),
        ]
    );
}

#[test]
fn what_a_bill_cannot_use_up_comes_off_the_next_one() {
    let charges = [
        charge("plan", 950_000, date(9, 1), Some(date(10, 2))),
        charge("plan", 150_000, date(10, 2), None),
    ];
    let before = Before {
        period: month(10),
        billed: vec![BilledItem {
            item: Item::plan(),
            label: "business".to_owned(),
            amount: rupiah(950_000),
        }],
    };
    let tax = Some(Tax {
        rate_basis_points: 1_200,
        base_numerator: 11,
        base_denominator: 12,
    });
    let november = price(month(11), Some(&before), Rupiah::ZERO, &charges, tax).expect("priced");
    // 150,000 + 30,645 + 145,162 - 950,000.
    assert_eq!(november.carried, rupiah(624_193));
    assert_eq!(
        Rupiah::sum(november.lines.iter().map(|line| line.amount)),
        Ok(Rupiah::ZERO)
    );
    let before = Before {
        period: month(11),
        billed: november.billed,
    };
    let december = Period::try_new(date(12, 1), date(12, 31) + Days::new(1)).expect("a period");
    let next = price(december, Some(&before), november.carried, &charges, tax).expect("priced");
    assert_eq!(next.carried, rupiah(474_193));
}

#[test]
fn the_tax_is_on_top_of_what_is_asked_and_rounded_once() {
    let charges = [
        charge("plan", 150_000, date(1, 1), None),
        charge("add_on/extra_router", 33_333, date(1, 1), None),
    ];
    let tax = Tax {
        rate_basis_points: 1_200,
        base_numerator: 11,
        base_denominator: 12,
    };
    let priced = price(month(11), None, Rupiah::ZERO, &charges, Some(tax)).expect("priced");
    let line = priced.lines.last().expect("a line");
    assert_eq!((line.kind, line.amount), (LineKind::Tax, rupiah(20_166)));
}

/// Prices of one item, each from some day of the year on; nothing is a gap.
fn timeline() -> impl Strategy<Value = Vec<(u64, Option<i64>)>> {
    prop::collection::vec((0_u64..360, prop::option::weighted(0.8, 0_i64..2_000_000)), 1..8).prop_map(
        |mut steps| {
            steps.sort_by_key(|(day, _)| *day);
            steps.dedup_by_key(|(day, _)| *day);
            steps
        },
    )
}

fn charges_of(steps: &[(u64, Option<i64>)]) -> Vec<Charge> {
    let day = |number| date(1, 1) + Days::new(number);
    steps
        .iter()
        .enumerate()
        .filter_map(|(index, (from, price))| {
            let until = steps.get(index + 1).map(|(next, _)| day(*next));
            price.map(|price| charge("plan", price, day(*from), until))
        })
        .collect()
}

proptest! {
    // Property 76: proration parts sum to the price.
    #[test]
    fn parts_that_lie_side_by_side_add_up_to_the_price(
        amount in 0_i64..5_000_000, month_number in 1_u32..12, mut cuts in prop::collection::btree_set(1_u64..28, 0..6),
    ) {
        let period = month(month_number);
        cuts.insert(0);
        let starts: Vec<NaiveDate> = cuts.iter().map(|day| period.from() + Days::new(*day)).collect();
        let charges: Vec<Charge> = starts
            .iter()
            .enumerate()
            .map(|(index, from)| charge("plan", amount, *from, starts.get(index + 1).copied()))
            .collect();
        let priced = price(period, None, Rupiah::ZERO, &charges, None).expect("priced");
        prop_assert_eq!(Rupiah::sum(priced.lines.iter().map(|line| line.amount)), Ok(rupiah(amount)));
    }

    // Property 76: invoices' lines sum to the total; over a year, the bills come to exactly what the days cost.
    #[test]
    fn bills_of_a_year_come_to_what_its_days_cost(steps in timeline(), known in prop::collection::vec(0_usize..8, 11)) {
        let charges = charges_of(&steps);
        let mut before: Option<Before> = None;
        let mut carried = Rupiah::ZERO;
        let (mut asked, mut cost) = (0, 0);
        for (index, seen) in known.iter().enumerate() {
            let period = month(u32::try_from(index).expect("small") + 1);
            // The bill goes out before some of the later steps are known.
            let horizon = period.from() + Days::new(*seen as u64 * 5);
            let visible: Vec<Charge> = charges
                .iter()
                .filter(|charge| charge.from <= horizon)
                .map(|charge| Charge { until: charge.until.filter(|until| *until <= horizon), ..charge.clone() })
                .collect();
            let priced = price(period, before.as_ref(), carried, &visible, None).expect("priced");
            let total = Rupiah::sum(priced.lines.iter().map(|line| line.amount)).expect("in range");
            prop_assert!(total >= Rupiah::ZERO);
            prop_assert!(priced.lines.iter().all(|line| !line.amount.is_zero()));
            prop_assert!(priced.lines.iter().all(|line| line.kind.reduces() != line.amount.is_positive()));
            asked += total.get();
            carried = priced.carried;
            before = Some(Before { period, billed: priced.billed });
            let parts = parts(&Item::plan(), &charges, period).expect("priced");
            cost += parts.iter().map(|(_, _, amount)| amount.get()).sum::<i64>();
        }
        let last = price(
            Period::try_new(date(12, 1), date(12, 31)).expect("a period"), before.as_ref(), carried,
            &charges.iter().map(|charge| {
                let end = date(12, 1);
                Charge { until: Some(charge.until.unwrap_or(end).min(end)), ..charge.clone() }
            }).collect::<Vec<_>>(),
            None,
        ).expect("priced");
        let total = Rupiah::sum(last.lines.iter().map(|line| line.amount)).expect("in range");
        prop_assert_eq!(asked + total.get() - last.carried.get(), cost);
    }
}
