//! A router is retired when nothing is on it, whoever puts something there at the same time.

use simpul_app::{
    network::RetireRouter,
    subscriptions::{Change, ChangeSubscription},
};
use simpul_domain::{
    Code, Coded as _,
    network::{Router, router::RouterStatus},
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
