//! April: a bill, reminders, the lock, the payment, and the way back in.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simpul_adapters::standin::tripay::Callback;
use simpul_domain::TenantId;
use simpul_event_store::Recorded;

use super::{
    journey::{Journey, count, text},
    people::OPERATOR_OWNER,
};

/// Copies of the gateway's notice that arrive at once.
const COPIES: u16 = 10;

impl Journey {
    pub(super) async fn is_billed(&mut self) {
        let query = "{ saasInvoices(first: 5) { nodes { id number status dueOn total { amount } outstanding { amount }
            lines { kind description amount { amount } } } } }";
        let seen = self
            .owner()
            .read_until(&self.world, "the operator sees its bill", query, |seen| {
                seen["saasInvoices"]["nodes"]
                    .as_array()
                    .is_some_and(|bills| !bills.is_empty())
            })
            .await;
        let bills = seen["saasInvoices"]["nodes"].as_array().expect("bills");
        assert_eq!(bills.len(), 1, "{seen}");
        let bill = &bills[0];
        assert_eq!(bill["number"], "INV/2027/04/0001");
        assert_eq!(
            (&bill["dueOn"], &bill["status"]),
            (&json!("2027-04-15"), &json!("OPEN"))
        );
        assert_lines(bill);
        self.bill = text(&bill["id"]);
        // The customer's own bill: unpaid, it isolates the line while the panel is locked.
        let customers =
            json!({ "subscriptionId": self.line, "dueOn": "2027-04-20", "idempotencyKey": "april" });
        let issued = self.run("invoiceIssue", "invoice { id }", customers).await;
        self.customers_bill = text(&issued["invoice"]["id"]);
    }

    /// It happened so often in the platform's log, and the payer was told of it.
    pub(super) async fn is_reminded(&self, event_type: &str, times: usize) {
        let happened = |log: &[Recorded]| (count(log, event_type) >= times).then_some(());
        self.world.wait_in(TenantId::PLATFORM, event_type, happened).await;
        self.world.settled().await;
        assert_eq!(
            count(&self.platform_log().await, event_type),
            times,
            "{event_type}"
        );
        assert_eq!(self.lock_seen_by_the_owner().await, Value::Null);
    }

    pub(super) async fn lock_seen_by_the_owner(&self) -> Value {
        let mut seen = self
            .owner()
            .read(&self.world, "{ tenantPlan { panelLock } }")
            .await;
        seen["tenantPlan"]["panelLock"].take()
    }

    pub(super) async fn is_locked(&self) {
        let reason = format!("unpaid bill {}", self.bill);
        let query = "{ tenantPlan { panelLock } }";
        self.owner()
            .read_until(&self.world, "the panel is locked", query, |seen| {
                seen["tenantPlan"]["panelLock"] == json!(reason)
            })
            .await;
        let query = format!("{{ tenant(id: \"{}\") {{ panelLock }} }}", self.tenant);
        let locked = |seen: &Value| seen["tenant"]["panelLock"] == json!(reason);
        self.platform
            .read_until(&self.world, "the platform sees the lock", &query, locked)
            .await;
        // Read-only: everything can be looked at, nothing but paying done.
        for (mutation, input) in [
            ("routerRegister", self.router("Menara 2", "locked")),
            (
                "customerRegister",
                json!({ "name": "Dewi", "phone": "0812-9999-0001" }),
            ),
            (
                "invoiceVoid",
                json!({ "id": self.customers_bill, "reason": "a try", "idempotencyKey": "locked" }),
            ),
        ] {
            let refused = self.owner().refused(&self.world, mutation, input).await;
            assert_eq!(refused, (403, json!("PANEL_LOCKED")), "{mutation}");
        }
        let looked = "{ customers(first: 5) { nodes { code } } saasPaymentOptions { channels { code } } }";
        let seen = self.owner().read(&self.world, looked).await;
        assert_eq!(seen["customers"]["nodes"], json!([{ "code": "C-0001" }]));
        let channels = seen["saasPaymentOptions"]["channels"]
            .as_array()
            .expect("channels");
        assert!(
            channels.iter().any(|channel| channel["code"] == "BRIVA"),
            "{seen}"
        );
        assert!(self.is_online(), "a locked panel cuts nobody");
    }

    /// While the panel is locked, the line is isolated for its customer's unpaid bill, as on every other day.
    pub(super) async fn lines_go_on(&self) {
        self.has_access("isolated", 1).await;
        let account = self.row("/ppp/secret").expect("an account");
        assert_eq!(account["profile"], "isolir");
        let world = &self.world;
        world
            .until("the line has dialled in", async || self.is_online())
            .await;
        assert!(self.lock_seen_by_the_owner().await.is_string(), "still locked");
    }

    /// A checkout at the platform's gateway. Returns the gateway's reference of the order. One that a dead server left
    /// half-way is looked after, and whoever asks again with the same key sees what came of it.
    pub(super) async fn checks_out(&self) -> String {
        let fields = "checkout { id payCode amount { amount } }";
        self.world
            .until("there is a code to pay by", async || {
                let input = json!({ "id": self.bill, "channel": "BRIVA", "idempotencyKey": "pay" });
                let paying = self.run("saasInvoicePay", fields, input).await;
                paying["checkout"]["payCode"].is_string()
            })
            .await;
        let orders = self.world.around.tripay.orders();
        assert_eq!(orders.len(), 1, "one attempt has one thing to pay: {orders:?}");
        orders[0].reference.clone()
    }

    /// The operator pays, and the gateway's notice comes ten times at once.
    pub(super) async fn notifies(&self, order: &str) {
        let notice = Callback {
            copies: COPIES,
            ..Callback::paid(order)
        };
        self.world.notify(&notice).await;
    }

    /// The operator pays, and no notice comes.
    pub(super) fn pays_unheard(&self, order: &str) {
        let known = self.world.around.tripay.set_status(order, "PAID");
        known.expect("an order");
    }

    /// As soon as the payment is known: no timer is waited for, and nobody's hand.
    pub(super) async fn is_let_in(&self) {
        let owner = self.owner();
        let query = format!(
            "{{ tenantPlan {{ panelLock }} saasInvoice(id: \"{}\") {{ status outstanding {{ amount }} }} }}",
            self.bill
        );
        owner
            .read_until(&self.world, "the payment opens the panel", &query, |seen| {
                seen["tenantPlan"]["panelLock"].is_null() && seen["saasInvoice"]["status"] == "SETTLED"
            })
            .await;
        self.run(
            "routerRegister",
            "router { id }",
            self.router("Menara 2", "second"),
        )
        .await;
        // What was refused while it was locked is done now, and the line is itself again.
        let void = json!({ "id": self.customers_bill, "reason": "goodwill", "idempotencyKey": "open" });
        self.run("invoiceVoid", "invoice { status }", void).await;
        self.has_access("full", 2).await;
        let world = &self.world;
        world
            .until("the line has dialled in", async || self.is_online())
            .await;
        self.world.settled().await;
        let platform = self.platform_log().await;
        for once in [
            "platform.account.panel_locked",
            "platform.account.panel_unlocked",
            "billing.payment.received",
            "billing.invoice.paid",
            "billing.invoice.issued",
        ] {
            assert_eq!(count(&platform, once), 1, "{once}");
        }
        let letters: BTreeSet<String> = self
            .mail
            .letters()
            .await
            .into_iter()
            .map(|letter| letter.to)
            .collect();
        assert!(letters.contains(OPERATOR_OWNER), "{letters:?}");
    }
}

/// 15 of the 31 days of March and the whole of April, of the plan and both add-ons, and the tax of it all.
fn assert_lines(bill: &Value) {
    let amount = |value: &Value| -> i64 { text(&value["amount"]).parse().expect("an amount") };
    let lines = bill["lines"].as_array().expect("lines");
    let of = |kinds: &[&str]| -> Vec<i64> {
        let lines = lines.iter();
        let mine = lines.filter(|line| kinds.iter().any(|kind| line["kind"] == *kind));
        let mut amounts: Vec<i64> = mine.map(|line| amount(&line["amount"])).collect();
        amounts.sort_unstable();
        amounts
    };
    let of_march = |price: i64| price - price * 16 / 31;
    assert_eq!(of(&["PLAN"]), [150_000], "{bill}");
    assert_eq!(of(&["ADD_ON"]), [50_000, 250_000], "{bill}");
    let parts: Vec<i64> = [50_000, 150_000, 250_000].map(of_march).into();
    assert_eq!(of(&["PRORATION"]), parts, "{bill}");
    let base = 450_000 + parts.iter().sum::<i64>();
    // PPN: 12 % of 11/12, rounded to a rupiah.
    let tax = of(&["TAX"]);
    assert!(
        matches!(tax.as_slice(), [tax] if (tax * 100 - base * 11).abs() <= 100),
        "{bill}"
    );
    assert_eq!(amount(&bill["total"]), base + tax[0], "{bill}");
    assert_eq!(bill["outstanding"], bill["total"]);
}
