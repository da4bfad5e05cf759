//! Terms are set as a whole, and refused as a whole.

use super::*;
use crate::{
    Decider as _,
    billing::DueDay,
    given::{after, at, words},
    saas::Tax,
};

fn set(terms: BillingTerms) -> TermsCommand {
    TermsCommand::Set { terms, at: at(0) }
}

#[test]
fn the_first_of_the_month_is_the_default_and_setting_it_again_is_nothing() {
    let terms = Terms::default();
    assert_eq!(terms.current().billing_day.get(), 1);
    assert_eq!(words(&terms, set(BillingTerms::default())), Ok("-".to_owned()));
}

#[test]
fn terms_out_of_range_are_refused() {
    let day = |day| DueDay::try_new(day).expect("a day");
    let tax = |rate_basis_points, base_numerator| Tax {
        rate_basis_points,
        base_numerator,
        base_denominator: 12,
    };
    let ok = BillingTerms {
        billing_day: day(28),
        tax: Some(tax(1_200, 11)),
        ..BillingTerms::default()
    };
    assert_eq!(words(&Terms::default(), set(ok.clone())), Ok("set".to_owned()));
    let changed: Terms = after([set(ok.clone())]);
    assert_eq!(changed.current(), &ok);
    let refused = [
        (
            BillingTerms {
                billing_day: day(29),
                ..ok.clone()
            },
            TermsError::BillingDay,
        ),
        (
            BillingTerms {
                due_days: 0,
                ..ok.clone()
            },
            TermsError::DueDays,
        ),
        (
            BillingTerms {
                grace_days: 61,
                ..ok.clone()
            },
            TermsError::DueDays,
        ),
        (
            BillingTerms {
                reminder_days: vec![61],
                ..ok.clone()
            },
            TermsError::Reminders,
        ),
        (
            BillingTerms {
                reminder_days: vec![1; 11],
                ..ok.clone()
            },
            TermsError::Reminders,
        ),
        (
            BillingTerms {
                tax: Some(tax(10_001, 11)),
                ..ok.clone()
            },
            TermsError::Tax,
        ),
        (
            BillingTerms {
                tax: Some(tax(1_200, 13)),
                ..ok.clone()
            },
            TermsError::Tax,
        ),
        (
            BillingTerms {
                seller_name: " ".to_owned(),
                ..ok
            },
            TermsError::Seller,
        ),
    ];
    for (terms, error) in refused {
        assert_eq!(changed.decide(set(terms)), Err(error));
    }
}
