//! Limits hold whoever creates at the same time, and their refusal says what is full.

use std::{cell::Cell, sync::OnceLock};

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

use crate::rig::{Answer, Rig, code};

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

// Property 75: N parallel creates never pass a limit, and exactly min(N, free) succeed.
#[test]
fn of_n_parallel_creates_exactly_as_many_succeed_as_are_free() {
    static RIG: OnceLock<Rig> = OnceLock::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime");
    let rig = runtime.block_on(Rig::new());
    let rig: &'static Rig = RIG.get_or_init(|| rig);
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
            let tenant = rig.found(&subdomain, routers(limit)).await;
            for number in 0..before {
                let _ = register(rig, tenant, number).await;
            }
            let mut racing = JoinSet::new();
            for number in 0..parallel {
                racing.spawn(register(rig, tenant, 100 + number));
            }
            let mut done = 0;
            while let Some(answer) = racing.join_next().await {
                match answer.expect("not cancelled") {
                    Ok(()) => done += 1,
                    refused @ Err(_) => assert_eq!(code(&refused), Some(Code::LimitReached)),
                }
            }
            (done, rig.usage(tenant, "routers").await.0)
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
