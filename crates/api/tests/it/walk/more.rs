//! More of everything, for lists that have pages.

use serde_json::json;
use simpul_api::Surface;
use simpul_domain::TenantId;
use simpul_event_store::{
    ConsistencyToken,
    feed::{self, read_at},
};
use simpul_projections::registry;

use super::{schema::Schema, world::World};

/// How many more customers, each with a line and a bill.
const MORE: usize = 4;

impl World {
    /// Several customers, plans, routers, lines, bills, users, roles and keys of our tenant.
    pub(super) async fn furnish_more(&self) {
        let (front, owner) = (&self.front, self.front.owner);
        for number in 0..MORE {
            let plan = json!({
                "name": format!("Rumah {number}"), "downloadKbps": 20_000, "uploadKbps": 5_000, "profile": format!("p-{number}"),
                "price": { "amount": "100000", "currency": "IDR" },
            });
            let plan = front
                .accepted(owner, "servicePlanDefine", "servicePlan { id }", plan)
                .await;
            let customer = json!({ "code": format!("M-{number}"), "name": "Sari", "phone": format!("0812-7000-000{number}") });
            let customer = front
                .accepted(owner, "customerRegister", "customer { id }", customer)
                .await;
            let router = json!({
                "name": format!("R-{number}"), "host": format!("10.9.1.{number}"), "port": 8728, "tls": "PLAIN",
                "username": "simpul", "password": "rahasia",
            });
            let router = front
                .accepted(owner, "routerRegister", "router { id }", router)
                .await;
            let line = json!({
                "planId": plan["servicePlan"]["id"], "customerId": customer["customer"]["id"],
                "routerId": router["router"]["id"], "username": format!("sari{number}"), "secret": "s3cret",
                "installedOn": "2027-01-04",
            });
            let line = front
                .accepted(owner, "subscriptionOpen", "subscription { id }", line)
                .await;
            let id = &line["subscription"]["id"];
            if number % 2 == 0 {
                front
                    .accepted(
                        owner,
                        "subscriptionActivate",
                        "subscription { id }",
                        json!({ "id": id, "idempotencyKey": format!("active-{number}") }),
                    )
                    .await;
            }
            let bill = json!({ "subscriptionId": id, "dueOn": "2027-02-15", "idempotencyKey": format!("more-{number}") });
            let bill = front
                .accepted(owner, "invoiceIssue", "invoice { id }", bill)
                .await;
            if number % 3 == 0 {
                let void = json!({ "id": bill["invoice"]["id"], "reason": "salah tagih", "idempotencyKey": format!("void-{number}") });
                front.accepted(owner, "invoiceVoid", "invoice { id }", void).await;
            }
            let user =
                json!({ "email": format!("more{number}@kayu.test"), "name": "Sari", "roles": ["viewer"] });
            front.accepted(owner, "userInvite", "user { id }", user).await;
            let role = json!({ "name": format!("Malam {number}"), "permissions": ["ROUTER_READ"] });
            front.accepted(owner, "roleDefine", "role { id }", role).await;
            let key = json!({
                "name": format!("Kasir {number}"), "scopes": ["ROUTER_READ"], "expiresAt": "2027-02-01T00:00:00Z",
            });
            front.accepted(owner, "apiKeyIssue", "apiKey { id }", key).await;
        }
        self.invite_to_the_platform().await;
        self.pay_the_platform().await;
        for tenant in [self.ours.tenant(), TenantId::PLATFORM] {
            self.settle(tenant).await;
        }
    }

    /// Somebody else who runs the platform.
    async fn invite_to_the_platform(&self) {
        let operations = Schema::of(Surface::Platform).operations();
        let mut invitations = operations
            .iter()
            .filter(|operation| operation.field() == "userInvite");
        let invite = invitations.next().expect("an operation");
        let token = self.token(Surface::Platform, &self.ours);
        let text = invite.text(|name| self.ours.thing(name));
        let (_, answer) = self.ask(Surface::Platform, Some(&token), invite, &text).await;
        assert_eq!(answer["data"]["userInvite"]["userErrors"], json!([]), "{answer}");
    }

    /// Transfers of one operator, the last of them more than its bill asks for.
    async fn pay_the_platform(&self) {
        let token = self.token(Surface::Platform, &self.ours);
        for (number, amount) in ["1000", "2000", "500000"].iter().enumerate() {
            let bill = self.ours.thing("saasInvoice");
            let pay = format!(
                "mutation {{ saasInvoiceMarkPaid(input: {{ id: \"{bill}\", reference: \"BCA {number}\",
                     amount: {{ amount: \"{amount}\", currency: IDR }}, idempotencyKey: \"paid-{number}\" }}) {{
                     userErrors {{ code }} }} }}"
            );
            let (_, answer) = self.question(Surface::Platform, &token, &pay).await;
            let errors = &answer["data"]["saasInvoiceMarkPaid"]["userErrors"];
            assert_eq!(*errors, json!([]), "{answer}");
        }
    }

    /// Waits until every read model shows everything that has happened to a tenant.
    async fn settle(&self, tenant: TenantId) {
        let store = self.front.test.store();
        let seq = feed::head(&store, tenant).await.expect("a head");
        let token = ConsistencyToken { tenant, seq };
        let tx = read_at(&store, tenant, registry::NAMES, Some(token)).await;
        tx.expect("caught up").rollback().await.expect("read");
    }

    /// What has happened to us, by the names of the events.
    pub(super) async fn log(&self) -> Vec<String> {
        let log = feed::page(&self.front.test.store(), self.ours.tenant(), 0, 10_000).await;
        let log = log.expect("the log").into_iter();
        log.map(|event| event.event_type).collect()
    }
}
