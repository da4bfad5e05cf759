//! Limits hold whoever creates at the same time, and their refusal says what is full.

use std::cell::Cell;

use futures_util::future::join_all;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use simpul_app::{Personal, network::RegisterRouter};
use simpul_domain::{
    Code, Coded as _, TenantId,
    network::{RouterAddress, RouterHost, TlsMode},
    tenancy::{Entitlements, Limit},
};
use simpul_event_store::Actor;
use tokio::task::JoinSet;

use crate::{
    rig::{Answer, Rig, code},
    shop::{Shop, somebody},
};

pub(crate) fn router(number: u32) -> RegisterRouter {
    RegisterRouter {
        name: format!("Router {number}"),
        address: RouterAddress {
            host: RouterHost::parse("203.0.113.7").expect("a host"),
            port: 8728,
            tls: TlsMode::Plain,
        },
        username: "simpul".to_owned(),
        password: Personal::new("rahasia"),
        legacy_login: false,
    }
}

fn routers(limit: Limit) -> Entitlements {
    let mut entitlements = Entitlements::unlimited();
    entitlements.limits.routers = limit;
    entitlements
}

async fn register(rig: &Rig, tenant: TenantId, number: u32) -> Answer<()> {
    let actor = Actor::System("test");
    rig.ask(tenant, actor, router(number)).await.map(drop)
}

/// Runs 100 races of N parallel creates of a resource. `found` makes a tenant with a limit and what a create needs.
fn race<T, F, C>(
    resource: &'static str,
    found: impl Fn(&'static Rig, String, Limit) -> F,
    create: impl Fn(&'static Rig, T, u32) -> C,
) where
    T: Clone + Send + 'static,
    F: Future<Output = (TenantId, T)>,
    C: Future<Output = Answer<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime");
    // Tasks of a test that ends take it along.
    let rig: &'static Rig = Box::leak(Box::new(runtime.block_on(Rig::new())));
    let cases = Cell::new(0_u32);
    let mut runner = TestRunner::new(Config::with_cases(100));
    let wanted = (
        prop_oneof![Just(Limit::Unlimited), (0_u32..9).prop_map(Limit::AtMost)],
        0_u32..4,
        1_u32..9,
    );
    let outcome = runner.run(&wanted, |(limit, before, parallel)| {
        cases.set(cases.get() + 1);
        let subdomain = format!("tenant-{}", cases.get());
        let (done, used) = runtime.block_on(async {
            let (tenant, needed) = found(rig, subdomain, limit).await;
            for number in 0..before {
                let _ = create(rig, needed.clone(), number).await;
            }
            let mut racing = JoinSet::new();
            for number in 0..parallel {
                racing.spawn(create(rig, needed.clone(), 100 + number));
            }
            let mut done = 0;
            while let Some(answer) = racing.join_next().await {
                match answer.expect("not cancelled") {
                    Ok(()) => done += 1,
                    refused @ Err(_) => assert_eq!(code(&refused), Some(Code::LimitReached)),
                }
            }
            (done, rig.usage(tenant, resource).await.0)
        });
        let free = match limit {
            Limit::Unlimited => u32::MAX,
            Limit::AtMost(limit) => limit.saturating_sub(before),
        };
        let taken_before = limit.at_most().map_or(before, |limit| before.min(limit));
        prop_assert_eq!(done, parallel.min(free));
        prop_assert_eq!(used, i64::from(taken_before + done));
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
}

// Property 75: N parallel creates never pass a limit, and exactly min(N, free) succeed.
#[test]
fn of_n_parallel_routers_exactly_as_many_are_registered_as_are_free() {
    race(
        "routers",
        async |rig: &'static Rig, subdomain: String, limit| {
            let tenant = rig.found(&subdomain, routers(limit)).await;
            (tenant, tenant)
        },
        register,
    );
}

// Property 75: N parallel creates never pass a limit, and exactly min(N, free) succeed.
#[test]
fn of_n_parallel_lines_exactly_as_many_are_opened_as_are_free() {
    race(
        "users",
        async |rig: &'static Rig, subdomain: String, limit| {
            let mut entitlements = Entitlements::unlimited();
            entitlements.limits.users = limit;
            let shop = Shop::open(rig, &subdomain, entitlements).await;
            (shop.tenant, shop)
        },
        |rig, shop, number| async move {
            let open = shop.line(&format!("line-{number}"));
            rig.ask(shop.tenant, Actor::System("test"), open).await.map(drop)
        },
    );
}

#[tokio::test]
async fn a_full_limit_says_what_is_full_and_by_how_much() {
    let rig = Rig::new().await;
    let tenant = rig.found("maju", routers(Limit::AtMost(1))).await;
    register(&rig, tenant, 1).await.expect("one is free");
    let refused = register(&rig, tenant, 2).await.expect_err("none is free");
    assert_eq!(refused.code(), Code::LimitReached);
    assert_eq!(
        refused.params(),
        json!({ "resource": "routers", "limit": 1, "used": 1 })
    );
}

/// More than a process has connections to its database.
const AT_ONCE: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_number_does_not_hold_what_its_holder_needs() {
    let rig = Rig::new().await;
    let tenant = rig.found("ramai", Entitlements::unlimited()).await;
    let register = |_| rig.ask(tenant, Actor::System("test"), somebody());
    let registered = join_all((0..AT_ONCE).map(register)).await;
    for customer in registered {
        customer.expect("everybody gets a code");
    }
}
