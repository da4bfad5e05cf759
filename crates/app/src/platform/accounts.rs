//! Accounts: how an operator becomes a customer, what he is granted, how he stands.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    AddOnOrderId, Rupiah, TenantId, UserId,
    platform::{
        Account, AccountCommand, AccountEvent, Plan, PlanKey, PlanTerms,
        account::{OpenAccount as Open, OwnerContact, Toggle},
    },
    saas::payer_id,
    tenancy::{Extra, Resource, Subdomain, TenantSettings},
};
use simpul_event_store::{
    Access, Command, StoreError, Work,
    inline::{Inline, directory},
};

use super::owner_field;
use crate::{
    Outcome, Personal, Refusal, customers::erase_and_free_code, decide, permission, refuse, refused,
};

/// Scope of the platform's claim on a subdomain, from before the tenant is founded.
const SUBDOMAIN_SCOPE: &str = "subdomain";

/// Onboards an operator. The tenant itself is founded next, by policy, in its own log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenAccount {
    pub name: String,
    pub subdomain: Subdomain,
    pub plan: PlanKey,
    /// Where the plan's price is agreed with each customer.
    pub agreed_price: Option<Rupiah>,
    pub settings: TenantSettings,
    pub owner_name: Personal,
    pub owner_email: Personal,
}

impl Command for OpenAccount {
    const NAME: &'static str = "account.open";
    const ACCESS: Access = Access::permission(permission::PLATFORM_TENANTS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let plan = terms(work, &self.plan, self.agreed_price, false).await?;
        let tenant = TenantId::new(work.new_uuid());
        let id = tenant.to_string();
        if is_routed(work, &self.subdomain).await? {
            let scope = SUBDOMAIN_SCOPE.to_owned();
            return Err(StoreError::Taken { scope }.into());
        }
        let values = [
            (owner_field::NAME, &self.owner_name),
            (owner_field::EMAIL, &self.owner_email),
        ];
        let [name, email] = Personal::seal_all(work, &id, values).await?;
        let owner = OwnerContact {
            user: UserId::new(work.new_uuid()),
            name,
            email,
        };
        let open = Open {
            tenant,
            name: self.name.clone(),
            subdomain: self.subdomain.clone(),
            plan,
            settings: self.settings.clone(),
            owner,
            at: work.at(),
        };
        work.begin::<Account>(&id);
        decide::<Account>(work, &id, AccountCommand::Open(Box::new(open))).await?;
        work.claim(SUBDOMAIN_SCOPE, self.subdomain.as_str(), &id);
        Ok(tenant)
    }
}

/// Whether a tenant of before the platform's log holds the subdomain.
async fn is_routed(work: &Work<'_>, subdomain: &Subdomain) -> Result<bool, StoreError> {
    let mut tx = work.store().db().system_tx().await?;
    let route = directory::resolve(&mut tx, directory::kind::SUBDOMAIN, subdomain.as_str()).await?;
    tx.commit().await?;
    Ok(route.is_some())
}

/// Calls an operator something else. Its subdomain stays, and bills that were issued keep the name of then. The tenant's own
/// log follows by policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameAccount {
    pub tenant: TenantId,
    pub name: String,
}

impl Command for RenameAccount {
    const NAME: &'static str = "account.rename";
    const ACCESS: Access = Access::permission(permission::PLATFORM_TENANTS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Account>(&self.tenant.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let command = AccountCommand::Rename {
            name: self.name.clone(),
            at: work.at(),
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(self.tenant)
    }
}

/// The plan's terms of today, at the agreed price where it has none of its own. One that is offered no more is
/// for whoever `holds` it only.
async fn terms(
    work: &mut Work<'_>,
    plan: &PlanKey,
    agreed: Option<Rupiah>,
    holds: bool,
) -> Outcome<PlanTerms> {
    let state = work.load::<Plan>(plan.as_str()).await?;
    let terms = if holds {
        state.terms()
    } else {
        state.on_offer().map_err(refused)?
    };
    let Some(mut terms) = terms.cloned() else {
        return refuse(Refusal::Missing { what: "plan" });
    };
    match (terms.custom_price, agreed) {
        (true, Some(price)) if price.get() >= 0 => terms.price = price,
        (true, _) => {
            return refuse(Refusal::Invalid {
                field: "agreedPrice",
                rule: "required",
            });
        }
        (false, Some(_)) => {
            return refuse(Refusal::Invalid {
                field: "agreedPrice",
                rule: "forbidden",
            });
        }
        (false, None) => {}
    }
    Ok(terms)
}

/// What an account is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Terms {
    /// Another plan, or the same one on its terms of today.
    Plan {
        plan: PlanKey,
        agreed_price: Option<Rupiah>,
    },
    Override {
        resource: Resource,
        extra: Extra,
        price: Rupiah,
    },
    ClearOverride {
        resource: Resource,
    },
    /// `None`: as the plan and the add-ons say.
    Toggle {
        subject: Toggle,
        on: Option<bool>,
    },
    Approve {
        order: AddOnOrderId,
    },
    Reject {
        order: AddOnOrderId,
        reason: String,
    },
    /// To the end of the period that is paid.
    Cancel {
        order: AddOnOrderId,
    },
}

/// Changes what an account is granted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeTerms {
    pub tenant: TenantId,
    pub terms: Terms,
}

impl Command for ChangeTerms {
    const NAME: &'static str = "account.change_terms";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Account>(&self.tenant.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        self.decide(work).await?;
        Ok(self.tenant)
    }
}

impl ChangeTerms {
    /// What happens to the account.
    pub(crate) async fn decide(&self, work: &mut Work<'_>) -> Outcome<Vec<AccountEvent>> {
        let at = work.at();
        let command = match &self.terms {
            Terms::Plan { plan, agreed_price } => {
                let account = work.load::<Account>(&self.tenant.to_string()).await?;
                let holds = account.granted().is_some_and(|granted| granted.plan.key == *plan);
                let plan = terms(work, plan, *agreed_price, holds).await?;
                AccountCommand::ChangePlan {
                    plan: Box::new(plan),
                    at,
                }
            }
            &Terms::Override {
                resource,
                extra,
                price,
            } => AccountCommand::OverrideLimit {
                resource,
                extra,
                price,
                at,
            },
            &Terms::ClearOverride { resource } => AccountCommand::ClearOverride { resource, at },
            &Terms::Toggle { subject, on } => AccountCommand::ToggleFeature { subject, on, at },
            &Terms::Approve { order } => AccountCommand::ApproveAddOn { order, at },
            Terms::Reject { order, reason } => AccountCommand::RejectAddOn {
                order: *order,
                reason: reason.clone(),
                at,
            },
            &Terms::Cancel { order } => AccountCommand::CancelAddOn { order, at },
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await
    }
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    LockPanel {
        reason: String,
    },
    UnlockPanel,
    Deactivate {
        reason: String,
    },
    Activate,
    /// In 30 days, unless it is restored.
    Delete,
    Restore,
}

/// Changes how an account stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeStanding {
    pub tenant: TenantId,
    pub standing: Standing,
}

impl Command for ChangeStanding {
    const NAME: &'static str = "account.change_standing";
    const ACCESS: Access = Access::permission(permission::PLATFORM_TENANTS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let at = work.at();
        let command = match self.standing.clone() {
            Standing::LockPanel { reason } => AccountCommand::LockPanel { reason, at },
            Standing::UnlockPanel => AccountCommand::UnlockPanel { at },
            Standing::Deactivate { reason } => AccountCommand::Deactivate { reason, at },
            Standing::Activate => AccountCommand::Activate { at },
            Standing::Delete => AccountCommand::ScheduleDeletion { at },
            Standing::Restore => AccountCommand::Restore { at },
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(self.tenant)
    }
}

/// Has RADIUS refuse a tenant's lines, or not any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetRadiusCutOff {
    pub tenant: TenantId,
    pub on: bool,
}

impl Command for SetRadiusCutOff {
    const NAME: &'static str = "account.set_radius_cut_off";
    const ACCESS: Access = Access::permission(permission::PLATFORM_OWNER);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let command = AccountCommand::SetRadiusCutOff {
            on: self.on,
            at: work.at(),
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(self.tenant)
    }
}

/// The days of grace before a deletion are over. The tenant's own log follows by policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteAccount {
    pub tenant: TenantId,
}

impl Command for DeleteAccount {
    const NAME: &'static str = "account.delete";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (self.tenant.to_string(), work.at());
        let subdomain = work.load::<Account>(&id).await?.subdomain().cloned();
        let events = decide::<Account>(work, &id, AccountCommand::Delete { at }).await?;
        if events
            .iter()
            .any(|event| matches!(event, AccountEvent::Deleted(_)))
        {
            // Who owned it and who paid for it are people too; and the names are free for others.
            work.inline(Inline::DestroyKey { subject: id });
            erase_and_free_code(work, payer_id(self.tenant)).await?;
            if let Some(subdomain) = subdomain {
                work.release(SUBDOMAIN_SCOPE, subdomain.as_str());
            }
        }
        Ok(())
    }
}
