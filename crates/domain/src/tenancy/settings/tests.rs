//! The defaults hold, and what types cannot hold is refused by name.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use proptest::prelude::*;

use super::*;
use crate::{
    Rupiah, SenderId,
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
        staff_days: Within::of::<7>(),
        ..Sessions::default()
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
