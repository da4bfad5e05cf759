//! A router is retired when nothing is on it, whoever puts something there at the same time. A name on it is free again when
//! its line is off it.

use simpul_app::{
    network::{ConfirmProvisioning, RetireRouter},
    subscriptions::{Change, ChangeSubscription},
};
use simpul_domain::{
    Code, Coded as _,
    network::{Access, Router, Sha256Hex, router::RouterStatus},
};

use crate::{rig::code, settings::House};

#[tokio::test]
async fn a_router_with_a_line_stays_and_without_one_gives_its_place_back() {
    let house = House::open().await;
    let retire = || RetireRouter {
        router: house.shop.router,
    };
    let refused = house.tell(retire()).await;
    assert_eq!(code(&refused), Some(Code::NotAllowedInState));
    let lines = refused.expect_err("in use").params()["lines"].clone();
    assert_eq!(lines, 1);
    let terminate = ChangeSubscription {
        subscription: house.line,
        change: Change::Terminate {
            reason: "moved".to_owned(),
        },
    };
    house.tell(terminate).await.expect("terminated");
    assert_eq!(house.rig.usage(house.tenant, "routers").await.0, 1);
    for _ in 0..2 {
        house.tell(retire()).await.expect("retired");
        assert_eq!(house.rig.usage(house.tenant, "routers").await.0, 0, "once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_opened_while_the_router_is_retired_is_on_it_or_is_refused() {
    for round in 0..8 {
        let house = House::open().await;
        let terminate = ChangeSubscription {
            subscription: house.line,
            change: Change::Terminate {
                reason: "moved".to_owned(),
            },
        };
        house.tell(terminate).await.expect("terminated");
        let open = house.shop.line(&format!("siti-{round}"));
        let (opened, retired) = tokio::join!(
            house.tell(open),
            house.tell(RetireRouter {
                router: house.shop.router
            })
        );
        let (router, _) = house
            .rig
            .store()
            .load::<Router>(house.tenant, &house.shop.router.to_string())
            .await
            .expect("loads");
        assert_ne!(
            opened.is_ok(),
            retired.is_ok(),
            "one of them: {opened:?} {retired:?}"
        );
        assert_eq!(router.status() == RouterStatus::Retired, retired.is_ok());
    }
}

#[tokio::test]
async fn a_name_is_free_again_when_the_router_has_proved_that_its_line_is_gone() {
    let house = House::open().await;
    let again = || house.shop.line("budi@maju");
    let hash = Sha256Hex::parse(&"00".repeat(32)).expect("a hash");
    let proved = |access| ConfirmProvisioning {
        subscription: house.line,
        router: house.shop.router,
        desired_version: 1,
        access,
        desired_hash: hash.clone(),
        observed_hash: hash.clone(),
        attempt: 1,
    };
    let taken = Some(Code::DuplicateEntry);
    assert_eq!(code(&house.tell(again()).await), taken);
    let terminate = ChangeSubscription {
        subscription: house.line,
        change: Change::Terminate {
            reason: "moved".to_owned(),
        },
    };
    house.tell(terminate).await.expect("terminated");
    house.tell(proved(Access::Full)).await.expect("proved");
    assert_eq!(code(&house.tell(again()).await), taken, "its router has it yet");
    house.tell(proved(Access::Removed)).await.expect("proved");
    house.tell(again()).await.expect("free");
    // The proof once more takes nothing from the line that has the name now.
    house.tell(proved(Access::Removed)).await.expect("proved");
    assert_eq!(code(&house.tell(again()).await), taken);
}
