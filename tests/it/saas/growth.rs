//! March: the operator is onboarded, grows by add-ons, and has a line.

use secrecy::ExposeSecret as _;
use serde_json::json;
use simpul::demo::surroundings::PLAN_PROFILE;
use simpul_domain::TenantId;
use simpul_event_store::Recorded;

use super::{
    journey::{Journey, USERNAME, count, text},
    people::{OPERATOR_OWNER, Person},
};

impl Journey {
    pub(super) async fn onboard(&mut self) {
        let keys = &self.world.around.tripay_keys;
        let gateway = json!({
            "kind": "TRIPAY", "mode": "SANDBOX", "merchantCode": keys.merchant_code,
            "apiKey": keys.api_key.expose_secret(), "signingKey": keys.private_key.expose_secret(),
            "fallbackEmail": "tagihan@simpul.example",
        });
        let connected = self.govern("saasGatewayConnect", "gateway { id }", gateway).await;
        let messenger = &self.world.around.fonnte_keys;
        let sender = json!({
            "kind": "FONNTE", "device": messenger.device.e164(), "token": messenger.token.expose_secret(),
        });
        self.govern("saasSenderConnect", "sender { id }", sender).await;
        let terms = json!({
            "sellerName": "Simpul", "billingDay": 1, "dueDays": 14, "graceDays": 7, "reminderDays": [-3],
            "gatewayId": connected["gateway"]["id"],
            "tax": { "rateBasisPoints": 1200, "baseNumerator": 11, "baseDenominator": 12 },
        });
        self.govern("saasTermsSet", "saasTerms { gatewayId }", terms)
            .await;
        let operator = json!({
            "name": "Wifi Maju", "subdomain": "wifi-maju", "plan": "basic", "ownerName": "Siti Aminah",
            "ownerEmail": OPERATOR_OWNER, "timeZone": "JAKARTA",
        });
        let onboarded = self.govern("tenantOnboard", "tenant { id }", operator).await;
        let tenant = text(&onboarded["tenant"]["id"]);
        let payer = json!({ "tenantId": tenant, "name": "Siti Aminah", "phone": "0813-1111-2222" });
        self.govern("saasPayerRegister", "saasPayer { tenantId }", payer)
            .await;
        self.tenant = tenant.parse().expect("a tenant");
        self.owner = Some(Person::operator_owner(&self.world, &self.mail, self.tenant).await);
    }

    /// One add-on that is active at once, and one that the platform approves.
    pub(super) async fn grow(&self) {
        let order = |key: &str| json!({ "key": key, "quantity": 1, "idempotencyKey": key });
        self.run("addOnOrderPlace", "order { id }", order("extra_router"))
            .await;
        let placed = self
            .run("addOnOrderPlace", "order { id }", order("white_label"))
            .await;
        let order = placed["order"]["id"].clone();
        let asked = |log: &[Recorded]| (count(log, "platform.account.add_on_requested") == 1).then_some(());
        let platform = TenantId::PLATFORM;
        self.world
            .wait_in(platform, "the platform is asked to approve", asked)
            .await;
        let approval = json!({ "id": self.tenant.to_string(), "orderId": order });
        self.govern("addOnApprove", "tenant { id }", approval).await;
        let plan = "{ tenantPlan { features limits { resource limit } } addOnOrders(first: 5) { nodes { key status } } }";
        let grown = self
            .owner()
            .read_until(&self.world, "both add-ons are active", plan, |plan| {
                let orders = plan["addOnOrders"]["nodes"].as_array().expect("orders");
                orders.len() == 2 && orders.iter().all(|order| order["status"] == "ACTIVE")
            })
            .await;
        let limits = grown["tenantPlan"]["limits"].as_array().expect("limits");
        let routers = limits.iter().find(|limit| limit["resource"] == "ROUTERS");
        assert_eq!(
            routers.expect("routers")["limit"],
            3,
            "two of the plan and one more: {grown}"
        );
    }

    /// A customer's line on a router, which is what must not notice anything.
    pub(super) async fn open_a_line(&mut self) {
        let quiet = json!({ "kinds": [], "quietHours": null, "whatsappSenderIds": [], "emailSenderIds": [] });
        self.run("messagingSettingsChange", "tenant { id }", quiet).await;
        // The days before its first due date are free, so that its customer has one bill in all of the story.
        let invoicing = json!({
            "dueDay": 20, "issueDaysAhead": 7, "firstPeriod": "FREE",
            "roundingUnit": { "amount": "1", "currency": "IDR" }, "numberPattern": "INV/{YYYY}/{MM}/{NNNN}",
            "prepaidAnchor": "PAYMENT", "billWhileIsolated": true,
        });
        self.run("invoicingSettingsChange", "tenant { id }", invoicing)
            .await;
        let router = self.router("Menara 1", "first");
        let router = self.run("routerRegister", "router { id }", router).await;
        let plan = json!({
            "name": "Rumah 10", "downloadKbps": 10_000, "uploadKbps": 5_000, "profile": PLAN_PROFILE,
            "price": { "amount": "150000", "currency": "IDR" },
        });
        let plan = self.run("servicePlanDefine", "servicePlan { id }", plan).await;
        let customer = json!({ "code": "C-0001", "name": "Sari", "phone": "0812-9999-0000" });
        let customer = self.run("customerRegister", "customer { id }", customer).await;
        let line = json!({
            "planId": plan["servicePlan"]["id"], "customerId": customer["customer"]["id"],
            "routerId": router["router"]["id"], "username": USERNAME, "secret": "kata-sandi-sari",
            "installedOn": "2027-03-17", "dueDay": 20,
        });
        let line = self.run("subscriptionOpen", "subscription { id }", line).await;
        self.line = text(&line["subscription"]["id"]);
        self.run(
            "subscriptionActivate",
            "subscription { id }",
            json!({ "id": self.line, "idempotencyKey": "activate" }),
        )
        .await;
        self.has_access("full", 1).await;
        let world = &self.world;
        world
            .until("the line has dialled in", async || self.is_online())
            .await;
    }
}
