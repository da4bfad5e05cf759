//! `simpul users`: inviting the owners of the platform, who have nobody to invite them, and those of tenants that were not
//! onboarded by the platform.

use std::{collections::BTreeSet, process::ExitCode};

use secrecy::ExposeSecret as _;
use simpul_app::{
    Personal,
    identity::{
        invitations::{Handover, Invitation, InviteUser},
        secret::{self, SecretKind},
    },
};
use simpul_domain::{
    CorrelationId, TenantId,
    identity::{BuiltInRole, UserKind},
};
use simpul_event_store::{Actor, Bus, Context};

use super::say;
use crate::{cli::Users, config::Config, wiring};

pub(crate) async fn run(config: &Config, command: Users) -> anyhow::Result<ExitCode> {
    let Users::Invite { tenant, email, name } = command;
    let store = wiring::store(config)?;
    let bus = Bus::new(store.clone());
    let role = if tenant == TenantId::PLATFORM {
        simpul_app::platform::found(&bus).await?;
        BuiltInRole::PlatformOwner
    } else {
        BuiltInRole::Owner
    };
    let minted = secret::mint(SecretKind::Invitation, tenant)?;
    let invitation = Invitation {
        email: Personal::new(email),
        name: Personal::new(name),
        kind: UserKind::Staff,
        roles: BTreeSet::from([role.into()]),
        handover: Handover::InPerson(minted.hash),
    };
    let context = Context {
        tenant,
        actor: Actor::System("cli"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(store.ids().next()),
        cause: None,
        command_id: store.new_command_id(),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let receipt = bus.dispatch(context, InviteUser { invitation }).await?;
    say(format_args!("user        {}", receipt.answer));
    say(format_args!("invitation  {}", minted.text.expose_secret()));
    store.db().close().await;
    Ok(ExitCode::SUCCESS)
}
