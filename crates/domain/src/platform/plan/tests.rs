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
        terms: PlanTerms {
            name: name.to_owned(),
            price,
            ..basic
        },
        at: at(0),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let basic = || define("Basic", rupiah(150_000));
    let states: [(&str, Plan); 2] = [("ABSENT", Plan::default()), ("DEFINED", after([basic()]))];
    let commands = [
        ("define", basic()),
        ("define otherwise", define("Basic", rupiah(160_000))),
        ("define without a name", define(" ", rupiah(150_000))),
        (
            "define below nothing",
            define("Basic", Rupiah::try_new(-1).expect("in range")),
        ),
    ];
    insta::assert_snapshot!(cells(&states, &commands), @r"
    ABSENT | define | defined
    ABSENT | define otherwise | defined
    ABSENT | define without a name | refused VALIDATION_ERROR
    ABSENT | define below nothing | refused VALIDATION_ERROR
    DEFINED | define | -
    DEFINED | define otherwise | defined
    DEFINED | define without a name | refused VALIDATION_ERROR
    DEFINED | define below nothing | refused VALIDATION_ERROR
    ");
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
    ];
    check_replay::<Plan>(&commands, |_| true);
}
