//! Who pays late is asked a fee once, on the next bill, or it is waived.

use simpul_app::billing::{VoidInvoice, WaiveLateFee};
use simpul_domain::{
    Code, InvoiceId,
    tenancy::settings::{Dunning, LateFee, LateFeeAmount},
    within::Within,
};

use crate::{rig::code, settings::House};

/// An operator who asks 5 % of what is owed.
async fn strict() -> House {
    let house = House::open().await;
    let amount = LateFeeAmount::Share {
        basis_points: Within::of::<500>(),
        cap: None,
    };
    house
        .choose(Dunning {
            late_fee: Some(LateFee { amount }),
            ..Dunning::default()
        })
        .await;
    house.rig.settle().await;
    house.on("2027-01-25T00:01:00+07:00").await;
    house
}

impl House {
    async fn invoice(&self, nth: usize) -> InvoiceId {
        let issued = self.content("billing.invoice.issued").await;
        serde_json::from_value(issued[nth]["invoice"].clone()).expect("an id")
    }

    /// Kind and amount of each line of a bill.
    async fn lines_of(&self, nth: usize) -> Vec<(String, i64)> {
        let issued = self.content("billing.invoice.issued").await;
        let lines = issued[nth]["lines"].as_array().expect("lines");
        let told = |line: &serde_json::Value| {
            let kind = line["kind"].as_str().expect("a kind").to_owned();
            (kind, line["amount"].as_i64().expect("an amount"))
        };
        lines.iter().map(told).collect()
    }

    async fn void(&self, nth: usize) {
        let void = VoidInvoice {
            invoice: self.invoice(nth).await,
            reason: "a mistake".to_owned(),
        };
        self.tell(void).await.expect("void");
        self.rig.settle().await;
    }
}

fn plan_and_fee() -> [(String, i64); 2] {
    [("plan".to_owned(), 150_000), ("late_fee".to_owned(), 7_500)]
}

#[tokio::test]
async fn a_fee_is_asked_after_the_grace_on_the_next_bill_and_once() {
    let house = strict().await;
    house.on("2027-02-06T23:00:00+07:00").await;
    assert_eq!(house.content("billing.invoice.late_fee_charged").await.len(), 0);
    house.on("2027-02-07T00:01:00+07:00").await;
    let charged = house.content("billing.invoice.late_fee_charged").await;
    assert_eq!((charged.len(), charged[0]["amount"].as_i64()), (1, Some(7_500)));
    house.on("2027-02-22T00:01:00+07:00").await;
    assert_eq!(house.lines_of(1).await, plan_and_fee());
    // The second bill is late too, with the fee in it: what is owed is 157,500.
    house.on("2027-03-25T00:01:00+07:00").await;
    let plan = ("plan".to_owned(), 150_000);
    assert_eq!(house.lines_of(2).await, [plan, ("late_fee".to_owned(), 7_875)]);
}

#[tokio::test]
async fn a_bill_that_is_settled_in_its_grace_has_no_fee() {
    let house = strict().await;
    house.on("2027-02-03T00:01:00+07:00").await;
    house.void(0).await;
    house.on("2027-02-22T00:01:00+07:00").await;
    assert_eq!(house.lines_of(1).await.len(), 1);
    assert_eq!(house.content("billing.invoice.late_fee_charged").await.len(), 0);
}

#[tokio::test]
async fn a_fee_whose_bill_is_withdrawn_stands_on_the_one_after() {
    let house = strict().await;
    house.on("2027-02-22T00:01:00+07:00").await;
    assert_eq!(house.lines_of(1).await, plan_and_fee());
    house.void(1).await;
    assert_eq!(house.content("billing.invoice.late_fee_returned").await.len(), 1);
    house.on("2027-03-25T00:01:00+07:00").await;
    assert_eq!(house.lines_of(2).await, plan_and_fee());
}

#[tokio::test]
async fn a_fee_is_waived_with_a_reason_until_a_bill_asks_for_it() {
    let house = strict().await;
    let waive = async |nth| {
        let command = WaiveLateFee {
            invoice: house.invoice(nth).await,
            reason: "the bank was down".to_owned(),
        };
        house.tell(command).await
    };
    assert_eq!(
        code(&waive(0).await),
        Some(Code::NotAllowedInState),
        "there is none yet"
    );
    house.on("2027-02-07T00:01:00+07:00").await;
    waive(0).await.expect("waived");
    house.on("2027-02-22T00:01:00+07:00").await;
    assert_eq!(house.lines_of(1).await.len(), 1);
    house.on("2027-03-25T00:01:00+07:00").await;
    assert_eq!(house.lines_of(2).await, plan_and_fee());
    assert_eq!(
        code(&waive(1).await),
        Some(Code::NotAllowedInState),
        "it is billed"
    );
}
