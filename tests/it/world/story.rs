//! The main job: an unpaid customer is isolated, pays, and is online again.

use serde_json::json;
use simpul::demo::seed;
use simpul_domain::InvoiceId;

use super::World;

impl World {
    /// Bills a month that is long overdue.
    pub(crate) async fn overdue_invoice(&self) -> InvoiceId {
        let now = self.bus.store().now();
        seed::overdue_invoice(&self.bus, &self.operator, now)
            .await
            .expect("an invoice")
    }

    /// The customer opens a checkout. Returns the gateway's reference of the order.
    pub(crate) async fn start_payment(&self, invoice: InvoiceId) -> String {
        let query = "mutation Pay($input: PaymentStartInput!) {
            paymentStart(input: $input) { userErrors { code message } }
        }";
        let input = json!({
            "invoiceId": invoice.to_string(),
            "gatewayId": self.operator.gateway.to_string(),
            "channel": "BRIVA",
            "idempotencyKey": "the-only-one",
        });
        let answer = self.ask(query, json!({ "input": input })).await;
        assert_eq!(
            answer["data"]["paymentStart"]["userErrors"],
            json!([]),
            "{answer}"
        );
        self.until("the gateway has an order", async || {
            !self.around.tripay.orders().is_empty()
        })
        .await;
        self.happened("billing.attempt.checkout_opened").await;
        let orders = self.around.tripay.orders();
        assert_eq!(orders.len(), 1, "one attempt has one thing to pay");
        orders[0].reference.clone()
    }

    /// Whether the customer's line has a session on the router.
    pub(crate) fn is_dialled_in(&self) -> bool {
        let sessions = self.around.router.router.rows("/ppp/active");
        sessions
            .iter()
            .any(|row| row.get("name") == Some(&self.operator.username))
    }

    /// From an active line to an isolated one with an order at the gateway, whose reference is returned.
    pub(crate) async fn isolated_and_about_to_pay(&self) -> String {
        self.confirmed("full", 1).await;
        // A session that exists is ended by the isolir.
        self.until("the line has dialled in", async || self.is_dialled_in())
            .await;
        let invoice = self.overdue_invoice().await;
        self.confirmed("isolated", 1).await;
        assert_eq!(self.account("profile").as_deref(), Some("isolir"));
        let order = self.start_payment(invoice).await;
        self.messages_ended().await;
        self.until("the line has dialled in", async || self.is_dialled_in())
            .await;
        order
    }

    async fn messages_ended(&self) {
        self.wait_for("every message has an end", |log| {
            let of = |name: &str| log.iter().filter(|event| event.event_type == name).count();
            let queued = of("messaging.message.queued");
            let ended = of("messaging.message.accepted") + of("messaging.message.outcome_unknown");
            (queued > 0 && ended >= queued).then_some(())
        })
        .await;
    }

    /// What the router holds for the customer.
    pub(crate) fn account(&self, field: &str) -> Option<String> {
        let rows = self.around.router.router.rows("/ppp/secret");
        let mut mine = rows
            .into_iter()
            .filter(|row| row.get("name") == Some(&self.operator.username));
        let account = mine.next()?;
        assert!(mine.next().is_none(), "the router has the account twice");
        account.get(field).cloned()
    }

    /// The end of the story, whatever was in the way: paid once, online once, nothing twice.
    pub(crate) async fn assert_paid_and_online(&self) {
        self.assert_paid_and_online_with(1).await;
    }

    /// Like [`World::assert_paid_and_online`], where that many payments were received in all.
    pub(crate) async fn assert_paid_and_online_with(&self, payments: usize) {
        self.confirmed("full", 2).await;
        assert_eq!(self.count("billing.payment.received").await, payments);
        for once in [
            "billing.attempt.paid",
            "billing.payment.allocated",
            "billing.invoice.payment_applied",
            "billing.invoice.paid",
            "subscriptions.subscription.isolated",
            "subscriptions.subscription.overdue_cleared",
            "subscriptions.subscription.isolir_lifted",
        ] {
            assert_eq!(self.count(once).await, 1, "{once}");
        }
        assert_eq!(self.account("profile").as_deref(), Some("paket-10m"));
        self.messages_ended().await;
        let texts: Vec<String> = self
            .around
            .fonnte
            .journal()
            .into_iter()
            .map(|sent| sent.message)
            .collect();
        for (index, text) in texts.iter().enumerate() {
            assert!(
                !texts[..index].contains(text),
                "the customer got a message twice: {text}"
            );
        }
    }
}
