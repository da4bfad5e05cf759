//! The defaults hold, and what types cannot hold is refused by name.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use proptest::prelude::*;

use super::*;
use crate::{
    GatewayId, Rupiah, SenderId,
    billing::{Tax, service::TaxMode},
    given::uuid,
    time::Zone,
    within::Within,
};

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).expect("a date")
}

fn rule(since: u32, rate_basis_points: Option<u16>) -> TaxRule {
    let mode = rate_basis_points.map(|rate_basis_points| TaxMode {
        tax: Tax {
            rate_basis_points,
            base_numerator: 11,
            base_denominator: 12,
        },
        inclusive: false,
    });
    TaxRule {
        since: day(since),
        mode,
    }
}

#[test]
fn the_defaults_are_possible() {
    assert_eq!(TenantSettings::default().check(), Ok(()));
}

#[test]
fn what_types_cannot_hold_is_refused_by_name() {
    let sender = SenderId::new(uuid(1));
    let noon = NaiveTime::from_hms_opt(12, 0, 0).expect("a time");
    let taxed = |rules: Vec<TaxRule>| Section::from(Taxation { rules });
    let reminded = |reminder_days: Vec<i8>| {
        Section::from(Dunning {
            reminder_days,
            ..Dunning::default()
        })
    };
    let fee = |amount| {
        Section::from(Dunning {
            late_fee: Some(LateFee { amount }),
            ..Dunning::default()
        })
    };
    let cases: Vec<(Section, &str, &str)> = vec![
        (
            Invoicing {
                rounding_unit: Rupiah::ZERO,
                ..Invoicing::default()
            }
            .into(),
            "roundingUnit",
            "positive",
        ),
        (taxed(vec![rule(2, None), rule(1, None)]), "rules", "order"),
        (taxed(vec![rule(1, None), rule(1, None)]), "rules", "order"),
        (taxed(vec![rule(1, Some(10_001))]), "rules", "range"),
        (reminded(vec![61]), "reminderDays", "range"),
        (reminded(vec![1, 1]), "reminderDays", "distinct"),
        (reminded((0..11).collect()), "reminderDays", "count"),
        (fee(LateFeeAmount::Fixed(Rupiah::ZERO)), "lateFee", "positive"),
        (
            Messaging {
                quiet_hours: Some(QuietHours {
                    from: noon,
                    until: noon,
                }),
                ..Messaging::default()
            }
            .into(),
            "quietHours",
            "distinct",
        ),
        (
            Messaging {
                whatsapp_senders: vec![sender, sender],
                ..Messaging::default()
            }
            .into(),
            "whatsappSenders",
            "distinct",
        ),
        (
            Branding {
                seller_name: Some(" ".to_owned()),
                ..Branding::default()
            }
            .into(),
            "sellerName",
            "length",
        ),
        (
            Vouchers {
                charset: Charset::Numeric,
                length: Within::of::<4>(),
                ..Vouchers::default()
            }
            .into(),
            "length",
            "guessable",
        ),
    ];
    for (section, field, rule) in cases {
        assert_eq!(
            section.check(),
            Err(InvalidSetting { field, rule }),
            "{section:?}"
        );
    }
}

#[test]
fn a_section_changes_nothing_of_the_others() {
    let mut settings = TenantSettings::default();
    let section = Section::from(Sessions {
        interim_interval_s: Within::of::<600>(),
    });
    assert!(!settings.has(&section));
    settings.set(section.clone());
    assert!(settings.has(&section));
    let sessions = settings.sessions;
    assert_eq!(
        settings,
        TenantSettings {
            sessions,
            ..TenantSettings::default()
        }
    );
}

#[test]
fn customers_are_offered_the_chosen_gateways_that_are_connected_in_their_order() {
    let [first, second, gone] = [1, 2, 3].map(|number| GatewayId::new(uuid(number)));
    let connected = vec![first, second];
    let chosen = |gateways: Vec<GatewayId>| Payments { gateways }.offered(connected.clone());
    assert_eq!(chosen(Vec::new()), [first, second]);
    assert_eq!(chosen(vec![second, gone, first]), [second, first]);
    assert_eq!(chosen(vec![gone]), []);
}

#[test]
fn a_late_fee_is_an_amount_or_a_share_that_is_rounded_up_and_has_a_cap() {
    let rupiah = |amount| Rupiah::try_new(amount).expect("in range");
    let asked = |amount, owed, unit| {
        let fee = LateFee { amount }
            .of(rupiah(owed), rupiah(unit))
            .expect("in range");
        fee.get()
    };
    assert_eq!(asked(LateFeeAmount::Fixed(rupiah(10_000)), 1, 500), 10_000);
    let share = |cap: Option<i64>| LateFeeAmount::Share {
        basis_points: Within::of::<250>(),
        cap: cap.map(rupiah),
    };
    assert_eq!(asked(share(None), 150_001, 1), 3_751);
    assert_eq!(asked(share(None), 150_001, 500), 4_000);
    assert_eq!(asked(share(Some(3_000)), 150_001, 500), 3_000);
    assert_eq!(asked(share(Some(3_000)), 1, 1), 1);
}

proptest! {
    #[test]
    fn a_working_day_is_the_nearest_that_is_no_day_off(
        holidays in prop::collection::btree_set(1_u32..=30, 0..25), weekends: bool, on in 1_u32..=30,
    ) {
        let calendar = Calendar {
            holidays: holidays.into_iter().map(day).collect(),
            weekends,
            moves_due_dates: true,
        };
        let date = day(on);
        let (later, earlier) = (calendar.working_day_from(date), calendar.working_day_until(date));
        prop_assert!(earlier <= date && date <= later);
        prop_assert!(!calendar.is_off(later) && !calendar.is_off(earlier));
        let between = earlier.iter_days().skip(1).take_while(|day| *day < later);
        prop_assert!(between.into_iter().all(|day| calendar.is_off(day) || day == date));
        prop_assert_eq!(calendar.due_date(date), later);
        let stays = Calendar { moves_due_dates: false, ..calendar };
        prop_assert_eq!(stays.due_date(date), date);
    }
}

#[test]
fn a_bill_is_taxed_by_the_rule_of_its_day() {
    let taxation = Taxation {
        rules: vec![rule(5, Some(1_100)), rule(10, Some(1_200)), rule(20, None)],
    };
    let rates: Vec<Option<u16>> = [4, 5, 9, 10, 19, 20]
        .map(|on| taxation.on(day(on)).map(|mode| mode.tax.rate_basis_points))
        .to_vec();
    assert_eq!(
        rates,
        [None, Some(1_100), Some(1_100), Some(1_200), Some(1_200), None]
    );
}

#[test]
fn codes_count_up_in_their_pattern() {
    let pattern = CodePattern::parse("PLG-{NNN}").expect("a pattern");
    assert_eq!(
        [7, 1_234].map(|counter| pattern.render(counter)),
        ["PLG-007", "PLG-1234"]
    );
    for text in [
        "",
        "A",
        "{N}{N}",
        "{N",
        "N}",
        "a b{N}",
        "a{N}",
        "-{N}",
        "{NNNNNNNNNN}",
        "{M}",
    ] {
        assert_eq!(CodePattern::parse(text), Err(CodePatternError), "{text}");
    }
}

#[test]
fn an_address_that_is_no_plain_https_address_is_refused() {
    for text in [
        "http://a.id",
        "https://",
        "https://a b",
        "https://a.id/\"><script>",
        "javascript:1",
        "https://@a",
    ] {
        assert_eq!(HttpsUrl::parse(text), Err(HttpsUrlError), "{text}");
    }
    assert!(HttpsUrl::parse("https://maju.id/logo.png").is_ok());
    assert!(Colour::parse("#0a7cff").is_ok());
    assert!(Colour::parse("#0A7CFF").is_err());
}

proptest! {
    #[test]
    fn a_message_never_goes_out_in_quiet_hours_and_waits_less_than_a_day(
        from in 0_u32..1_440, until in 0_u32..1_440, second in 0_i64..172_800,
        zone in prop::sample::select(vec![Zone::Jakarta, Zone::Makassar, Zone::Jayapura]),
    ) {
        prop_assume!(from != until);
        let time = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).expect("a time");
        let quiet = QuietHours { from: time(from), until: time(until) };
        let at = zone.start_of(day(1)) + TimeDelta::seconds(second);
        let out = quiet.end_after(at, zone);
        prop_assert!(out >= at && out - at < TimeDelta::days(1));
        prop_assert_eq!(quiet.end_after(out, zone), out, "it goes out then");
        let minute = (out - zone.start_of(zone.date_at(out))).num_minutes();
        let minutes: BTreeSet<i64> = if from < until {
            (i64::from(from)..i64::from(until)).collect()
        } else {
            (i64::from(from)..1_440).chain(0..i64::from(until)).collect()
        };
        prop_assert!(!minutes.contains(&minute), "{minute} is quiet");
    }
}
