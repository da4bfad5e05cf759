//! What the platform grants is applied in the order of its revisions; every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, TenantId,
    given::{after, at, cells, check_replay, uuid},
    tenancy::{Entitlements, Section, Subdomain, settings::Dunning},
    within::Within,
};

fn onboard(subdomain: &str) -> TenantCommand {
    TenantCommand::Onboard {
        tenant: TenantId::new(uuid(1)),
        name: "Wifi Maju".to_owned(),
        subdomain: Subdomain::parse(subdomain).expect("a subdomain"),
        settings: Box::default(),
        entitlements: Box::new(Entitlements::unlimited()),
        at: at(0),
    }
}

fn rename(name: &str) -> TenantCommand {
    TenantCommand::Rename {
        name: name.to_owned(),
        at: at(2),
    }
}

fn grant(revision: u64, change: impl FnOnce(&mut Entitlements)) -> TenantCommand {
    let mut entitlements = Entitlements::unlimited();
    change(&mut entitlements);
    TenantCommand::ApplyEntitlements {
        revision,
        entitlements: Box::new(entitlements),
        at: at(1),
    }
}

fn lock(revision: u64) -> TenantCommand {
    grant(revision, |granted| granted.panel_lock = Some("unpaid".to_owned()))
}

fn disable(revision: u64) -> TenantCommand {
    grant(revision, |granted| granted.disabled = true)
}

fn settings(grace_days: u16) -> TenantCommand {
    let grace_days = Within::read(grace_days).expect("in range");
    TenantCommand::ChangeSettings {
        section: Box::new(Section::from(Dunning {
            grace_days,
            ..Dunning::default()
        })),
        at: at(4),
    }
}

fn erase() -> TenantCommand {
    TenantCommand::Erase { at: at(5) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Tenant); 5] = [
        ("ABSENT", Tenant::default()),
        ("OPEN", after([onboard("maju")])),
        ("LOCKED", after([onboard("maju"), lock(2)])),
        ("DISABLED", after([onboard("maju"), disable(2)])),
        ("ERASED", after([onboard("maju"), erase()])),
    ];
    let commands = [
        ("onboard", onboard("maju")),
        ("onboard elsewhere", onboard("mundur")),
        ("rename", rename("Wifi Mundur")),
        ("keep the name", rename("Wifi Maju")),
        ("rename to nothing", rename(" ")),
        ("grant", grant(3, |_| {})),
        ("grant an older revision", grant(1, |_| {})),
        ("lock", lock(3)),
        ("disable", disable(3)),
        ("change settings", settings(9)),
        ("keep settings", settings(Dunning::default().grace_days.get())),
        ("erase", erase()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn the_lock_of_a_disabled_tenant_is_still_there_when_it_comes_back() {
    let locked_and_disabled = |revision| {
        grant(revision, |granted| {
            granted.panel_lock = Some("unpaid".to_owned());
            granted.disabled = true;
        })
    };
    let tenant: Tenant = after([onboard("maju"), locked_and_disabled(2)]);
    assert_eq!(tenant.status(), TenantStatus::Disabled);
    let tenant: Tenant = after([onboard("maju"), locked_and_disabled(2), lock(3)]);
    assert_eq!(tenant.status(), TenantStatus::Locked);
}

fn commands() -> impl Strategy<Value = Vec<TenantCommand>> {
    let command = prop_oneof![
        8 => (0_u64..9, 0_u8..3).prop_map(|(revision, which)| match which {
            0 => grant(revision, |_| {}),
            1 => lock(revision),
            _ => disable(revision),
        }),
        2 => Just(onboard("maju")),
        1 => Just(onboard("mundur")),
        2 => (0_u16..3).prop_map(settings),
        1 => prop::sample::select(vec!["Wifi Maju", "Wifi Mundur", ""]).prop_map(rename),
        1 => Just(erase()),
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
    fn whatever_the_order_the_newest_revision_is_what_is_granted(order in Just((2_u64..12).collect::<Vec<_>>()).prop_shuffle()) {
        let mut tenant: Tenant = after([onboard("maju")]);
        for revision in &order {
            let command = grant(*revision, |granted| granted.panel_lock = Some(revision.to_string()));
            for event in tenant.decide(command).expect("known") {
                tenant.evolve(&event);
            }
        }
        let lock = tenant.entitlements().and_then(|granted| granted.panel_lock.clone());
        prop_assert_eq!(lock.as_deref(), Some("11"));
    }
}
