//! How the platform begins: its tenant, and what it offers.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    CommandId, CorrelationId, TenantId,
    platform::{
        AddOn, AddOnCommand, Plan, PlanCommand, add_on::catalogue::default_add_ons,
        plan::catalogue::default_plans,
    },
    tenancy::Feature,
};
use simpul_event_store::{
    Access, Actor, Bus, Command, Context, DispatchError, Work,
    inline::{Inline, access::TenantAccess},
};

use crate::{Outcome, Refusal, decide, permission, refused};

/// Opens the platform's tenant and offers the plans and add-ons of the price list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FoundPlatform {}

impl Command for FoundPlatform {
    const NAME: &'static str = "platform.found";
    const ACCESS: Access = Access {
        feature: None,
        permission: permission::INTERNAL,
        when_locked: false,
        founding: true,
    };
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let at = work.at();
        for terms in default_plans().map_err(refused)? {
            let id = terms.key.as_str().to_owned();
            let terms = Box::new(terms);
            work.begin::<Plan>(&id);
            decide::<Plan>(work, &id, PlanCommand::Define { terms, at }).await?;
        }
        for terms in default_add_ons().map_err(refused)? {
            let id = terms.key.as_str().to_owned();
            let terms = Box::new(terms);
            work.begin::<AddOn>(&id);
            decide::<AddOn>(work, &id, AddOnCommand::Define { terms, at }).await?;
        }
        equip(work);
        Ok(())
    }
}

/// Switches every feature on for the platform itself: one that was founded before a feature existed gets it too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EquipPlatform {}

impl EquipPlatform {
    /// One command for each set of features, so that a start that knows no others does nothing.
    fn id() -> CommandId {
        let names: Vec<&str> = Feature::ALL.iter().map(|feature| feature.as_str()).collect();
        let text = format!("{}/{}", Self::NAME, names.join(","));
        CommandId::derive(TenantId::PLATFORM.as_uuid(), &text)
    }
}

impl Command for EquipPlatform {
    const NAME: &'static str = "platform.equip";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        equip(work);
        Ok(())
    }
}

/// Whoever sells features has them all.
fn equip(work: &mut Work<'_>) {
    work.inline(Inline::TenantAccess(TenantAccess {
        features: Feature::ALL
            .iter()
            .map(|feature| feature.as_str().to_owned())
            .collect(),
        ..TenantAccess::default()
    }));
}

/// Founds the platform unless it is, and equips it: at every start, by whoever comes first.
pub async fn found(bus: &Bus) -> Result<(), DispatchError<Refusal>> {
    let command_id = CommandId::derive(TenantId::PLATFORM.as_uuid(), FoundPlatform::NAME);
    bus.dispatch(context(command_id), FoundPlatform {}).await?;
    bus.dispatch(context(EquipPlatform::id()), EquipPlatform {})
        .await?;
    Ok(())
}

fn context(command_id: CommandId) -> Context {
    Context {
        tenant: TenantId::PLATFORM,
        actor: Actor::System("founding"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}
