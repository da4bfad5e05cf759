//! Slots never pass the limit; every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, RouterId, TenantId,
    given::{after, at, cells, check_replay, uuid, words},
    tenancy::{Subdomain, TenantSettings},
};

fn onboard(subdomain: &str) -> TenantCommand {
    TenantCommand::Onboard {
        tenant: TenantId::new(uuid(1)),
        name: "Wifi Maju".to_owned(),
        subdomain: Subdomain::parse(subdomain).expect("a subdomain"),
        settings: TenantSettings::default(),
        at: at(0),
    }
}

fn take(router: u128, limit: Option<u32>) -> TenantCommand {
    TenantCommand::TakeRouterSlot {
        router: RouterId::new(uuid(router)),
        limit,
        at: at(1),
    }
}

fn release(router: u128) -> TenantCommand {
    TenantCommand::ReleaseRouterSlot {
        router: RouterId::new(uuid(router)),
        at: at(2),
    }
}

fn lock() -> TenantCommand {
    TenantCommand::LockPanel {
        reason: "unpaid".to_owned(),
        at: at(3),
    }
}

fn settings(grace_days: u8) -> TenantCommand {
    TenantCommand::ChangeSettings {
        settings: TenantSettings {
            grace_days,
            ..TenantSettings::default()
        },
        at: at(4),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Tenant); 3] = [
        ("ABSENT", Tenant::default()),
        ("OPEN", after([onboard("maju"), take(1, None)])),
        ("LOCKED", after([onboard("maju"), take(1, None), lock()])),
    ];
    let commands = [
        ("onboard", onboard("maju")),
        ("onboard elsewhere", onboard("mundur")),
        ("take known slot", take(1, Some(1))),
        ("take new slot", take(2, Some(2))),
        ("take slot over limit", take(2, Some(1))),
        ("release", release(1)),
        ("release unknown", release(2)),
        ("lock", lock()),
        ("unlock", TenantCommand::UnlockPanel { at: at(5) }),
        ("change settings", settings(9)),
        ("keep settings", settings(TenantSettings::default().grace_days)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn a_released_slot_can_be_taken_again() {
    let tenant: Tenant = after([onboard("maju"), take(1, Some(1)), release(1)]);
    assert_eq!(
        words(&tenant, take(2, Some(1))),
        Ok("router_slot_taken".to_owned())
    );
    assert_eq!(
        after::<Tenant>([onboard("maju"), take(1, Some(1))]).decide(take(2, Some(1))),
        Err(TenantError::LimitReached { limit: 1 }),
    );
}

fn commands() -> impl Strategy<Value = Vec<TenantCommand>> {
    let command = prop_oneof![
        Just(onboard("maju")),
        Just(onboard("mundur")),
        (0_u128..5, prop::option::of(0_u32..4)).prop_map(|(router, limit)| take(router, limit)),
        (0_u128..5).prop_map(release),
        Just(lock()),
        Just(TenantCommand::UnlockPanel { at: at(5) }),
        (0_u8..3).prop_map(settings),
    ];
    prop::collection::vec(command, 0..24)
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        check_replay::<Tenant>(&commands, |_| true);
    }

    #[test]
    fn exactly_as_many_slots_as_the_limit_are_taken(limit in 0_u32..8, routers in prop::collection::vec(0_u128..20, 0..30)) {
        let mut tenant: Tenant = after([onboard("maju")]);
        for router in &routers {
            for event in tenant.decide(take(*router, Some(limit))).unwrap_or_default() {
                tenant.evolve(&event);
            }
        }
        let wanted: std::collections::BTreeSet<_> = routers.iter().collect();
        prop_assert_eq!(tenant.router_slots_taken(), limit.min(u32::try_from(wanted.len()).expect("few")));
    }
}
