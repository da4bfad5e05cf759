//! What a service line needs: a plan, a customer, a router.

use simpul_app::{
    Personal, catalog::DefinePlan, customers::RegisterCustomer, subscriptions::OpenSubscription,
};
use simpul_domain::{
    CustomerId, RouterId, Rupiah, ServicePlanId, TenantId, billing::DueDay, network::PppProfile,
    subscriptions::PppUsername, tenancy::Entitlements,
};
use simpul_event_store::Actor;

use crate::{limits::router, rig::Rig};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop {
    pub(crate) tenant: TenantId,
    pub(crate) plan: ServicePlanId,
    pub(crate) customer: CustomerId,
    pub(crate) router: RouterId,
}

impl Shop {
    pub(crate) async fn open(rig: &Rig, subdomain: &str, entitlements: Entitlements) -> Self {
        let tenant = rig.found(subdomain, entitlements).await;
        let hand = Actor::System("test");
        let plan = DefinePlan {
            name: "Home 20".to_owned(),
            download_kbps: 20_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(150_000).expect("in range"),
            profile: PppProfile::parse("home20").expect("a profile"),
        };
        Self {
            tenant,
            plan: rig.ask(tenant, hand.clone(), plan).await.expect("a plan"),
            router: rig.ask(tenant, hand.clone(), router(1)).await.expect("a router"),
            customer: rig.ask(tenant, hand, somebody()).await.expect("a customer"),
        }
    }

    /// Installed on 21 January 2027, due on the first.
    pub(crate) fn line(&self, username: &str) -> OpenSubscription {
        OpenSubscription {
            customer: self.customer,
            plan: self.plan,
            router: self.router,
            username: PppUsername::parse(username).expect("a name"),
            secret: Personal::new("rahasia"),
            due_day: Some(DueDay::FIRST),
            installed_on: "2027-01-21".parse().expect("a date"),
        }
    }
}

pub(crate) fn somebody() -> RegisterCustomer {
    RegisterCustomer {
        code: None,
        name: Personal::new("Budi"),
        phone: Personal::new("0812-3456-7890"),
        email: None,
    }
}
