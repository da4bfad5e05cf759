//! What a period costs, for every choice of the operator.

use proptest::prelude::*;

use super::*;
use crate::billing::DueDay;

const PPN: Tax = Tax {
    rate_basis_points: 1_200,
    base_numerator: 11,
    base_denominator: 12,
};

const RULES: Rules = Rules {
    first_period: FirstPeriod::Prorated,
    rounding_unit: Rupiah::ONE,
    tax: None,
};

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("in range")
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a date")
}

/// November, installed on a day of it.
fn november(installed_on: NaiveDate) -> Service<'static> {
    Service {
        name: "Home 20",
        price: rupiah(150_000),
        period: Period::beginning_at(DueDay::FIRST, day(11, 1)),
        installed_on,
        days_off: 0,
    }
}

fn amounts(service: &Service<'_>, rules: Rules) -> Vec<(LineKind, i64)> {
    let lines = lines(service, rules).expect("in range");
    lines.iter().map(|line| (line.kind, line.amount.get())).collect()
}

#[test]
fn a_first_period_is_free_by_its_days_or_whole_as_the_operator_says() {
    let service = november(day(11, 21));
    let owed = [FirstPeriod::Free, FirstPeriod::Prorated, FirstPeriod::Whole].map(|first_period| {
        amounts(
            &service,
            Rules {
                first_period,
                ..RULES
            },
        )
    });
    assert_eq!(
        owed,
        [
            vec![],
            vec![(LineKind::Proration, 50_000)],
            vec![(LineKind::Plan, 150_000)],
        ]
    );
}

#[test]
fn a_period_of_a_line_that_was_there_before_is_whole_whatever_the_first_one_was() {
    for first_period in [FirstPeriod::Free, FirstPeriod::Prorated, FirstPeriod::Whole] {
        for installed_on in [day(10, 3), day(11, 1)] {
            let owed = amounts(
                &november(installed_on),
                Rules {
                    first_period,
                    ..RULES
                },
            );
            assert_eq!(owed, [(LineKind::Plan, 150_000)]);
        }
    }
}

#[test]
fn days_without_service_are_not_billed_and_where_none_is_left_there_is_no_bill() {
    let off = |days_off, installed_on, first_period| {
        let service = Service {
            days_off,
            ..november(installed_on)
        };
        amounts(
            &service,
            Rules {
                first_period,
                ..RULES
            },
        )
    };
    let (before, begun) = (day(10, 3), day(11, 21));
    assert_eq!(
        off(10, before, FirstPeriod::Whole),
        [(LineKind::Proration, 100_000)]
    );
    assert_eq!(
        off(5, begun, FirstPeriod::Prorated),
        [(LineKind::Proration, 25_000)]
    );
    assert_eq!(off(30, before, FirstPeriod::Whole), []);
    assert_eq!(off(10, begun, FirstPeriod::Prorated), []);
    assert_eq!(off(3, begun, FirstPeriod::Free), []);
}

#[test]
fn a_part_is_rounded_up_to_the_operators_unit() {
    let rules = Rules {
        rounding_unit: rupiah(1_000),
        ..RULES
    };
    // 150,000 × 8 / 30 = 40,000; × 7 / 30 = 35,000; × 11 / 30 = 55,000; of 31 days nothing is even.
    let december = Service {
        period: Period::beginning_at(DueDay::FIRST, day(12, 1)),
        installed_on: day(12, 25),
        ..november(day(11, 1))
    };
    assert_eq!(amounts(&december, RULES), [(LineKind::Proration, 33_871)]);
    assert_eq!(amounts(&december, rules), [(LineKind::Proration, 34_000)]);
}

#[test]
fn the_tax_comes_on_top_or_is_in_the_price() {
    let mode = |inclusive| Rules {
        tax: Some(TaxMode { tax: PPN, inclusive }),
        ..RULES
    };
    let whole = november(day(10, 1));
    assert_eq!(
        amounts(&whole, mode(false)),
        [(LineKind::Plan, 150_000), (LineKind::Tax, 16_500)]
    );
    assert_eq!(
        amounts(&whole, mode(true)),
        [(LineKind::Plan, 135_136), (LineKind::Tax, 14_864)]
    );
}

proptest! {
    // Property 76: a part is never more than the price, and with the tax in it the lines sum to what the part is.
    #[test]
    fn the_lines_of_a_bill_sum_to_what_is_owed(
        price in 1_i64..9_000_000_000, offset in 0_u64..400, unit in 1_i64..5_000, rate in 0_u16..3_000,
        due in 1_u8..=31, inclusive: bool,
    ) {
        let due_day = DueDay::try_new(due).expect("a day");
        let period = Period::beginning_at(due_day, due_day.in_month_of(day(3, 1)));
        let service = Service {
            name: "Home 20",
            price: rupiah(price),
            period,
            installed_on: day(1, 1) + chrono::Days::new(offset),
            days_off: 0,
        };
        let rules = Rules { rounding_unit: rupiah(unit), ..RULES };
        let tax = Tax { rate_basis_points: rate, ..PPN };
        let plain: i64 = amounts(&service, rules).iter().map(|(_, amount)| amount).sum();
        prop_assert!(plain <= price);
        prop_assert!(plain == price || plain % unit == 0);
        let taxed = Rules { tax: Some(TaxMode { tax, inclusive }), ..rules };
        let total: i64 = amounts(&service, taxed).iter().map(|(_, amount)| amount).sum();
        let on_top = if inclusive { 0 } else { tax.on(rupiah(plain)).expect("in range").get() };
        prop_assert_eq!(total, plain + on_top);
    }
}
