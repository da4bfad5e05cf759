//! `simpul users`: inviting the first ones, who have nobody to invite them.

use std::{collections::BTreeSet, process::ExitCode};

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use simpul_app::{
    Personal,
    identity::{
        invitations::{Invitation, InviteUser, NewTicket},
        secret::{self, SecretKind},
    },
};
use simpul_domain::{
    CorrelationId, TenantId,
    identity::{BuiltInRole, UserKind},
};
use simpul_event_store::{
    Actor, Bus, Context,
    inline::access::{self, TenantAccess},
};

use super::say;
use crate::{cli::Users, config::Config, wiring};

pub(crate) async fn run(config: &Config, command: Users) -> anyhow::Result<ExitCode> {
    let Users::Invite { tenant, email, name } = command;
    let store = wiring::store(config)?;
    let bus = Bus::new(store.clone());
    let role = if tenant == TenantId::PLATFORM {
        found_platform(&bus).await?;
        BuiltInRole::SuperAdmin
    } else {
        BuiltInRole::Owner
    };
    let minted = secret::mint(SecretKind::Invitation, tenant)?;
    let invitation = Invitation {
        email: Personal::new(email),
        name: Personal::new(name),
        kind: UserKind::Staff,
        roles: BTreeSet::from([role.into()]),
        ticket: Some(NewTicket {
            hash: minted.hash,
            expires_at: store.now() + TimeDelta::days(7),
        }),
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
    };
    let receipt = bus.dispatch(context, InviteUser { invitation }).await?;
    say(format_args!("user        {}", receipt.answer));
    say(format_args!("invitation  {}", minted.text.expose_secret()));
    store.db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// The platform's own tenant is there from its first user on.
async fn found_platform(bus: &Bus) -> anyhow::Result<()> {
    let mut tx = bus.store().db().tenant_tx(TenantId::PLATFORM).await?;
    let nobody = simpul_domain::UserId::new(uuid::Uuid::nil());
    if access::standing(&mut tx, nobody).await?.disabled {
        access::set_tenant(&mut tx, &TenantAccess::default()).await?;
    }
    tx.commit().await?;
    Ok(())
}
