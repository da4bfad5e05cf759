//! What is on offer, and every cell of status × command.

use chrono::NaiveDate;

use super::{catalogue::default_add_ons, *};
use crate::{
    Rupiah,
    given::{after, at, cells, check_replay},
};

fn define(change: impl FnOnce(&mut AddOnTerms)) -> AddOnCommand {
    let mut terms = default_add_ons().expect("in range").remove(0);
    change(&mut terms);
    AddOnCommand::Define {
        terms: Box::new(terms),
        at: at(0),
    }
}

fn dearer() -> AddOnCommand {
    define(|terms| terms.price = Rupiah::try_new(60_000).expect("in range"))
}

fn retire() -> AddOnCommand {
    AddOnCommand::Retire { at: at(1) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, AddOn); 3] = [
        ("ABSENT", AddOn::default()),
        ("OFFERED", after([define(|_| {})])),
        ("RETIRED", after([define(|_| {}), retire()])),
    ];
    let commands = [
        ("define", define(|_| {})),
        ("define otherwise", dearer()),
        ("define nothing", define(|terms| terms.grants = Grants::default())),
        ("define without a name", define(|terms| terms.name.clear())),
        ("retire", retire()),
    ];
    insta::assert_snapshot!(cells(&states, &commands), @r"
    ABSENT | define | defined
    ABSENT | define otherwise | defined
    ABSENT | define nothing | refused VALIDATION_ERROR
    ABSENT | define without a name | refused VALIDATION_ERROR
    ABSENT | retire | refused NOT_FOUND
    OFFERED | define | -
    OFFERED | define otherwise | defined
    OFFERED | define nothing | refused VALIDATION_ERROR
    OFFERED | define without a name | refused VALIDATION_ERROR
    OFFERED | retire | retired
    RETIRED | define | defined
    RETIRED | define otherwise | defined
    RETIRED | define nothing | refused VALIDATION_ERROR
    RETIRED | define without a name | refused VALIDATION_ERROR
    RETIRED | retire | -
    ");
}

#[test]
fn a_new_platform_offers_the_seven_add_ons() {
    let offered = default_add_ons().expect("in range");
    let keys: Vec<&str> = offered.iter().map(|terms| terms.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "extra_router",
            "extra_user_pack",
            "extra_odp_maps",
            "extra_client_maps",
            "payment_gateway_premium",
            "white_label",
            "ai_agent_admin",
        ]
    );
    let add_ons = offered.into_iter().map(|terms| AddOnCommand::Define {
        terms: Box::new(terms),
        at: at(0),
    });
    for define in add_ons {
        assert!(after::<AddOn>([define]).on_offer().is_some());
    }
}

#[test]
fn a_period_ends_with_its_month_or_on_its_day_of_the_year() {
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let since = day("2028-02-29");
    assert_eq!(
        Cycle::Monthly.next_period(since, day("2028-12-31")),
        day("2029-01-01")
    );
    assert_eq!(
        Cycle::Monthly.next_period(since, day("2028-12-01")),
        day("2029-01-01")
    );
    assert_eq!(Cycle::Yearly.next_period(since, since), day("2029-02-28"));
    assert_eq!(
        Cycle::Yearly.next_period(since, day("2029-02-28")),
        day("2030-02-28")
    );
}

#[test]
fn replaying_the_log_gives_the_state() {
    let commands = [define(|_| {}), dearer(), retire(), retire(), define(|_| {})];
    check_replay::<AddOn>(&commands, |_| true);
}
