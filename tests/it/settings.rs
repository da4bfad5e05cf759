//! Changes that concern many lines at once reach the router without an event of any line.

use simpul::demo::seed::Hand;
use simpul_app::{Personal, subscriptions::ChangeSecret, tenancy::ChangeSettings};
use simpul_domain::{
    network::PppProfile,
    tenancy::settings::{Isolir, IsolirStrategy},
};
use simpul_event_store::Actor;

use crate::world::{Way, World};

fn hand(world: &World) -> Hand<'_> {
    Hand {
        bus: &world.bus,
        tenant: world.operator.tenant,
        actor: Actor::User(world.operator.owner),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_way_of_isolating_reaches_the_lines_that_are_isolated_now() {
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    world.overdue_invoice().await;
    world.confirmed("isolated", 1).await;
    assert_eq!(world.account("profile").as_deref(), Some("isolir"));
    let isolir = Isolir {
        strategy: IsolirStrategy::DisableSecret,
        ..Isolir::default()
    };
    hand(&world)
        .ask(ChangeSettings {
            section: isolir.clone().into(),
        })
        .await
        .expect("changed");
    world.confirmed("isolated", 2).await;
    assert_eq!(world.account("disabled").as_deref(), Some("true"));
    let profile = PppProfile::parse("paket-10m").expect("a profile");
    let isolir = Isolir {
        strategy: IsolirStrategy::PppProfileSwitch,
        profile,
        ..isolir
    };
    hand(&world)
        .ask(ChangeSettings {
            section: isolir.into(),
        })
        .await
        .expect("changed");
    world.confirmed("isolated", 3).await;
    assert_eq!(world.account("disabled").as_deref(), Some("false"));
    assert_eq!(world.account("profile").as_deref(), Some("paket-10m"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_reaches_the_router() {
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    hand(&world)
        .ask(ChangeSecret {
            subscription: world.operator.subscription,
            secret: Personal::new("kata-sandi-baru"),
        })
        .await
        .expect("changed");
    world.confirmed("full", 2).await;
    assert_eq!(world.account("password").as_deref(), Some("kata-sandi-baru"));
}
