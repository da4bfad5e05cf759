//! Property 16 for plans, and every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, Rupiah, ServicePlanId,
    given::{after, at, cells, check_replay, rupiah, uuid},
    network::PppProfile,
};

fn define(download_kbps: i64, upload_kbps: i64, price: Rupiah) -> ServicePlanCommand {
    ServicePlanCommand::Define {
        plan: ServicePlanId::new(uuid(70)),
        name: "Rumah 10".to_owned(),
        download_kbps,
        upload_kbps,
        price,
        profile: PppProfile::parse("rumah-10").expect("a name"),
        at: at(0),
    }
}

fn retire() -> ServicePlanCommand {
    ServicePlanCommand::Retire { at: at(1) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let good = || define(10_000, 5_000, rupiah(150_000));
    let states: [(&str, ServicePlan); 3] = [
        ("ABSENT", ServicePlan::default()),
        ("ON SALE", after([good()])),
        ("RETIRED", after([good(), retire()])),
    ];
    let commands = [
        ("define", good()),
        ("define otherwise", define(20_000, 5_000, rupiah(150_000))),
        ("retire", retire()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn a_retired_plan_is_not_on_sale() {
    let plan: ServicePlan = after([define(10_000, 5_000, rupiah(150_000))]);
    assert!(plan.on_sale().is_some());
    assert!(
        after::<ServicePlan>([define(10_000, 5_000, rupiah(150_000)), retire()])
            .on_sale()
            .is_none()
    );
}

proptest! {
    // Property 16: non-positive speeds and prices are refused, positive ones are accepted as they are.
    #[test]
    fn a_plan_has_positive_speeds_and_a_positive_price(
        download in prop_oneof![-5_i64..5, any::<i64>()],
        upload in prop_oneof![-5_i64..5, 1_i64..1_000_000],
        price in -5_i64..500_000,
    ) {
        let decided = ServicePlan::default().decide(define(download, upload, rupiah(price)));
        let fits = |kbps: i64| (1..=1_000_000_000).contains(&kbps);
        match decided {
            Ok(events) => {
                prop_assert!(fits(download) && fits(upload) && price > 0);
                let [ServicePlanEvent::Defined(defined)] = events.as_slice() else {
                    return Err(TestCaseError::fail("one event"));
                };
                prop_assert_eq!(i64::from(defined.terms.download_kbps), download);
                prop_assert_eq!(i64::from(defined.terms.upload_kbps), upload);
            }
            Err(ServicePlanError::PriceNotPositive) => prop_assert!(price <= 0),
            Err(ServicePlanError::SpeedOutOfRange { .. }) => prop_assert!(!fits(download) || !fits(upload)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![(0_i64..3, 0_i64..3).prop_map(|(down, price)| define(down, 1, rupiah(price))), Just(retire())],
            0..12,
        ),
    ) {
        check_replay::<ServicePlan>(&commands, |_| true);
    }
}
