//! The plans on offer, and every cell of status × command.

use super::{catalogue::default_plans, *};
use crate::{
    Rupiah,
    given::{after, at, cells, check_replay, rupiah},
    tenancy::{Feature, Limit, Resource},
};

fn define(name: &str, price: Rupiah) -> PlanCommand {
    let basic = default_plans().expect("in range").remove(0);
    PlanCommand::Define {
        terms: Box::new(PlanTerms {
            name: name.to_owned(),
            price,
            ..basic
        }),
        at: at(0),
    }
}

fn retire() -> PlanCommand {
    PlanCommand::Retire { at: at(1) }
}

fn offer() -> PlanCommand {
    PlanCommand::Offer { at: at(2) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let basic = || define("Basic", rupiah(150_000));
    let states: [(&str, Plan); 3] = [
        ("ABSENT", Plan::default()),
        ("OFFERED", after([basic()])),
        ("RETIRED", after([basic(), retire()])),
    ];
    let commands = [
        ("define", basic()),
        ("define otherwise", define("Basic", rupiah(160_000))),
        ("define without a name", define(" ", rupiah(150_000))),
        (
            "define below nothing",
            define("Basic", Rupiah::try_new(-1).expect("in range")),
        ),
        ("retire", retire()),
        ("offer", offer()),
    ];
    insta::assert_snapshot!(cells(&states, &commands), @r"
    ABSENT | define | defined
    ABSENT | define otherwise | defined
    ABSENT | define without a name | refused VALIDATION_ERROR
    ABSENT | define below nothing | refused VALIDATION_ERROR
    ABSENT | retire | refused NOT_FOUND
    ABSENT | offer | refused NOT_FOUND
    OFFERED | define | -
    OFFERED | define otherwise | defined
    OFFERED | define without a name | refused VALIDATION_ERROR
    OFFERED | define below nothing | refused VALIDATION_ERROR
    OFFERED | retire | retired
    OFFERED | offer | -
    RETIRED | define | defined
    RETIRED | define otherwise | defined
    RETIRED | define without a name | refused VALIDATION_ERROR
    RETIRED | define below nothing | refused VALIDATION_ERROR
    RETIRED | retire | -
    RETIRED | offer | defined
    ");
}

#[test]
fn a_plan_that_is_offered_again_has_the_terms_that_it_had() {
    let dearer = || define("Basic", rupiah(160_000));
    let before: Plan = after([define("Basic", rupiah(150_000)), dearer()]);
    let retired: Plan = after([define("Basic", rupiah(150_000)), dearer(), retire()]);
    assert_eq!(retired.on_offer(), Err(PlanError::Retired));
    assert_eq!(retired.terms(), before.terms());
    let again: Plan = after([define("Basic", rupiah(150_000)), dearer(), retire(), offer()]);
    assert_eq!(again, before);
    assert_eq!(Plan::default().on_offer(), Ok(None));
}

#[test]
fn the_plans_of_a_new_platform_are_those_of_the_price_list() {
    let plans = default_plans().expect("in range");
    let lines: Vec<String> = plans
        .iter()
        .map(|plan| {
            let limits: Vec<String> = Resource::ALL
                .into_iter()
                .map(|resource| match plan.limits.of(resource) {
                    Limit::Unlimited => "∞".to_owned(),
                    Limit::AtMost(limit) => limit.to_string(),
                })
                .collect();
            format!("{} {} Rp{}", plan.key, limits.join("/"), plan.price.get())
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    basic 2/250/15000/20/250 Rp150000
    pro 5/1000/35000/50/1000 Rp400000
    business 10/5000/∞/150/4000 Rp950000
    enterprise ∞/∞/∞/∞/∞ Rp0
    ");
    assert!(!plans[0].features.contains(&Feature::CustomRoles));
    assert!(plans[1].features.contains(&Feature::CustomRoles));
    assert!(
        plans
            .iter()
            .all(|plan| !plan.features.contains(&Feature::WhiteLabel))
    );
}

#[test]
fn replaying_the_log_gives_the_state() {
    let commands = [
        define("Basic", rupiah(150_000)),
        define("", rupiah(1)),
        define("Dasar", rupiah(160_000)),
        retire(),
        retire(),
        offer(),
    ];
    check_replay::<Plan>(&commands, |_| true);
}
