//! Who is isolated for whose bill, and what holds a day's isolations back.

use std::collections::BTreeSet;

use simpul_app::{
    billing::{
        VoidInvoice,
        isolir_runs::{ApproveIsolirRun, DeclineIsolirRun, held_lines, latest},
    },
    subscriptions::{Change, ChangeSubscription},
};
use simpul_domain::{
    Code, InvoiceId, SubscriptionId,
    billing::isolir_runs::{Run, RunStatus},
    subscriptions::{Subscription, subscription::SubscriptionStatus},
    tenancy::settings::{BlastRadius, Dunning, Isolir, IsolirScope},
    within::Within,
};
use simpul_event_store::Actor;

use crate::{
    rig::code,
    settings::{House, day},
};

impl House {
    /// More lines of the same customer, all billed.
    async fn lines(&self, count: usize) -> Vec<SubscriptionId> {
        let mut lines = vec![self.line];
        for nth in 0..count {
            let open = self.shop.line(&format!("line{nth}@maju"));
            let subscription = self.tell(open).await.expect("a line");
            let change = Change::Activate;
            let activate = ChangeSubscription { subscription, change };
            self.tell(activate).await.expect("active");
            lines.push(subscription);
        }
        self.rig.settle().await;
        self.on("2027-01-25T00:01:00+07:00").await;
        lines
    }

    async fn isolated(&self, lines: &[SubscriptionId]) -> usize {
        let mut isolated = 0;
        for line in lines {
            let id = line.to_string();
            let (state, _) = self
                .rig
                .store()
                .load::<Subscription>(self.tenant, &id)
                .await
                .expect("loads");
            isolated += usize::from(state.status() == SubscriptionStatus::Isolated);
        }
        isolated
    }

    async fn held(&self) -> BTreeSet<SubscriptionId> {
        let context = self.rig.context(self.tenant, Actor::System("test"));
        let held = held_lines(self.rig.store(), &context).await;
        held.expect("read")
    }

    async fn run(&self) -> Run {
        let run = latest(self.rig.store(), self.tenant).await.expect("loads");
        run.expect("a run")
    }
}

const AFTER_GRACE: &str = "2027-02-07T00:01:00+07:00";

#[tokio::test]
async fn a_run_of_more_lines_than_the_limit_isolates_nobody_until_somebody_approves_it() {
    let house = House::open().await;
    let lines = house.lines(11).await;
    assert!(house.held().await.is_empty(), "no run has begun");
    house.on(AFTER_GRACE).await;
    assert_eq!(house.isolated(&lines).await, 0);
    assert_eq!(house.held().await, lines.iter().copied().collect());
    let run = house.run().await;
    assert_eq!((run.status, run.lines, run.of), (RunStatus::Held, 12, 12));
    // One pays meanwhile.
    let paid: InvoiceId = {
        let issued = house.content("billing.invoice.issued").await;
        serde_json::from_value(issued[3]["invoice"].clone()).expect("an id")
    };
    let void = VoidInvoice {
        invoice: paid,
        reason: "settled".to_owned(),
    };
    house.tell(void).await.expect("void");
    assert_eq!(house.held().await.len(), 11, "whoever has paid is not isolated");
    let date = day("2027-02-07");
    house.tell(ApproveIsolirRun { date }).await.expect("approved");
    assert!(house.held().await.is_empty(), "none is held any more");
    house.on("2027-02-07T09:00:00+07:00").await;
    assert_eq!(house.isolated(&lines).await, 11);
    let again = house.tell(DeclineIsolirRun {
        date,
        reason: "too late".to_owned(),
    });
    assert_eq!(code(&again.await), Some(Code::NotAllowedInState));
}

#[tokio::test]
async fn a_run_that_is_declined_is_counted_again_the_day_after() {
    let house = House::open().await;
    let lines = house.lines(11).await;
    house.on(AFTER_GRACE).await;
    let decline = DeclineIsolirRun {
        date: day("2027-02-07"),
        reason: "the bank was down".to_owned(),
    };
    house.tell(decline).await.expect("declined");
    house.on("2027-02-07T23:00:00+07:00").await;
    assert_eq!(house.isolated(&lines).await, 0);
    house
        .choose(Isolir {
            guard: BlastRadius {
                max_percent: Within::of::<100>(),
                max_times_usual: Within::of::<100>(),
            },
            ..Isolir::default()
        })
        .await;
    house.on("2027-02-08T00:01:00+07:00").await;
    assert_eq!(house.run().await.status, RunStatus::Going);
    assert_eq!(house.isolated(&lines).await, 12);
}

#[tokio::test]
async fn a_run_is_counted_by_the_grace_of_its_day() {
    let house = House::open().await;
    let lines = house.lines(11).await;
    house.on("2027-02-01T12:00:00+07:00").await;
    house
        .choose(Dunning {
            grace_days: Within::of::<0>(),
            ..Dunning::default()
        })
        .await;
    house.on("2027-02-02T00:01:00+07:00").await;
    assert_eq!(house.run().await.lines, 12, "the grace of their timers is longer");
    assert_eq!(house.isolated(&lines).await, 0);
}

#[tokio::test]
async fn a_bill_restricts_every_line_of_the_customer_if_the_operator_says_so() {
    let house = House::open().await;
    house
        .choose(Isolir {
            scope: IsolirScope::Customer,
            ..Isolir::default()
        })
        .await;
    let lines = house.lines(1).await;
    let mine = house.bill("2027-02-01").await;
    let mut rest = Vec::new();
    for bill in house.content("billing.invoice.issued").await {
        let invoice: InvoiceId = serde_json::from_value(bill["invoice"].clone()).expect("an id");
        if invoice != mine {
            rest.push(invoice);
        }
    }
    let settle = async |invoice| {
        let reason = "settled".to_owned();
        let void = VoidInvoice { invoice, reason };
        house.tell(void).await.expect("void");
        house.rig.settle().await;
    };
    for invoice in rest {
        settle(invoice).await;
    }
    house.on(AFTER_GRACE).await;
    assert_eq!(
        house.isolated(&lines).await,
        2,
        "for the one bill of the other line"
    );
    settle(mine).await;
    assert_eq!(house.isolated(&lines).await, 0);
}
