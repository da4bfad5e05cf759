//! Property 19 over years of months, leap days included.

use proptest::prelude::*;

use super::*;

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

fn any_date() -> impl Strategy<Value = NaiveDate> {
    (0_u64..3_650).prop_map(|days| date(2024, 1, 1) + Days::new(days))
}

fn any_due_day() -> impl Strategy<Value = DueDay> {
    (1_u8..=31).prop_map(|day| DueDay::try_new(day).expect("a day"))
}

#[test]
fn the_anchor_survives_a_short_month() {
    let anchor = DueDay::try_new(31).expect("a day");
    let mut due = date(2026, 1, 31);
    let mut dates = Vec::new();
    for _ in 0..4 {
        due = anchor.next_after(due);
        dates.push(due);
    }
    assert_eq!(
        dates,
        [
            date(2026, 2, 28),
            date(2026, 3, 31),
            date(2026, 4, 30),
            date(2026, 5, 31)
        ]
    );
    assert_eq!(anchor.in_month_of(date(2028, 2, 3)), date(2028, 2, 29));
}

#[test]
fn only_days_of_a_month_are_due_days() {
    assert_eq!(DueDay::try_new(0), Err(DueDayError));
    assert_eq!(DueDay::try_new(32), Err(DueDayError));
    assert!(serde_json::from_str::<DueDay>("32").is_err());
}

#[test]
fn a_period_of_no_days_cannot_be_read() {
    assert_eq!(
        Period::try_new(date(2026, 1, 1), date(2026, 1, 1)),
        Err(PeriodError)
    );
    assert!(serde_json::from_str::<Period>(r#"{"from":"2026-02-01","until":"2026-01-01"}"#).is_err());
}

proptest! {
    // Property 19: the due date follows the billing day, clamped to the month.
    #[test]
    fn the_due_date_is_the_due_day_or_the_last_day_of_a_shorter_month(day in any_due_day(), month in any_date()) {
        let due = day.in_month_of(month);
        prop_assert_eq!((due.year(), due.month()), (month.year(), month.month()));
        let last = due.succ_opt().is_some_and(|next| next.day() == 1);
        prop_assert!(due.day() == u32::from(day.get()) || (last && due.day() < u32::from(day.get())));
    }

    // Property 19: one due date in each month, none skipped and none twice.
    #[test]
    fn due_dates_come_once_a_month(day in any_due_day(), start in any_date()) {
        let mut due = day.on_or_after(start);
        prop_assert!(due >= start && due < start + Days::new(31));
        for _ in 0..24 {
            let next = day.next_after(due);
            let months = (next.year() - due.year()) * 12 + i32::try_from(next.month()).expect("few")
                - i32::try_from(due.month()).expect("few");
            prop_assert_eq!(months, 1);
            due = next;
        }
    }

    #[test]
    fn periods_follow_each_other_without_gap_or_overlap(day in any_due_day(), start in any_date()) {
        let due = day.on_or_after(start);
        let (before, after) = (Period::ending_at(day, due), Period::beginning_at(day, due));
        prop_assert_eq!(before.until(), after.from());
        prop_assert!(!before.contains(due) && after.contains(due));
        prop_assert!((28..=31).contains(&before.days()) && (28..=31).contains(&after.days()));
        prop_assert_eq!(Period::ending_at(day, after.until()), after);
    }
}
