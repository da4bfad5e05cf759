//! Where money goes: open invoices first, oldest due first, the rest is credit, and without a customer it is
//! unmatched. Pure; the payment checks the result again (Property 65).

use chrono::NaiveDate;

use super::payment::{Allocation, Unmatched, UnmatchedReason};
use crate::{CustomerId, InvoiceId, MoneyError, Rupiah};

/// An invoice that asks for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenInvoice {
    pub invoice: InvoiceId,
    pub due_on: NaiveDate,
    pub outstanding: Rupiah,
}

/// Where each rupiah of an amount goes. The parts add up to the amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub allocations: Vec<Allocation>,
    pub credit: Rupiah,
    pub unmatched: Option<Unmatched>,
}

/// Distributes `amount`. `first` is the invoice that the payer chose, paid before the others; the rest go by
/// due date, then id. Invoices without an owner are nobody's, so they are not touched without a customer.
pub fn plan(
    amount: Rupiah,
    customer: Option<CustomerId>,
    first: Option<InvoiceId>,
    open: &[OpenInvoice],
) -> Result<Plan, MoneyError> {
    if customer.is_none() {
        let unmatched = amount.is_positive().then_some(Unmatched {
            amount,
            reason: UnmatchedReason::UnknownOrder,
        });
        return Ok(Plan {
            allocations: Vec::new(),
            credit: Rupiah::ZERO,
            unmatched,
        });
    }
    let mut queue: Vec<OpenInvoice> = open
        .iter()
        .copied()
        .filter(|one| one.outstanding.is_positive())
        .collect();
    queue.sort_by_key(|one| (Some(one.invoice) != first, one.due_on, one.invoice));
    queue.dedup_by_key(|one| one.invoice);
    let mut rest = amount;
    let mut allocations = Vec::new();
    for one in queue {
        let part = rest.min(one.outstanding);
        if !part.is_positive() {
            break;
        }
        allocations.push(Allocation {
            invoice: one.invoice,
            amount: part,
        });
        rest = rest.sub(part)?;
    }
    Ok(Plan {
        allocations,
        credit: rest,
        unmatched: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn rupiah(amount: i64) -> Rupiah {
        Rupiah::try_new(amount).expect("in range")
    }

    fn open_invoices() -> impl Strategy<Value = Vec<OpenInvoice>> {
        prop::collection::vec((0_u64..400, 0_i64..500_000), 0..8).prop_map(|invoices| {
            invoices
                .into_iter()
                .enumerate()
                .map(|(index, (day, outstanding))| OpenInvoice {
                    invoice: InvoiceId::new(Uuid::from_u128(index as u128)),
                    due_on: NaiveDate::default() + chrono::Days::new(day),
                    outstanding: rupiah(outstanding),
                })
                .collect()
        })
    }

    proptest! {
        // Property 65: allocations + credit + unmatched = money received.
        #[test]
        fn every_rupiah_goes_somewhere(
            amount in 1_i64..2_000_000, open in open_invoices(), known: bool, chosen in prop::option::of(0_u128..8),
        ) {
            let customer = known.then(|| CustomerId::new(Uuid::from_u128(1)));
            let first = chosen.map(|index| InvoiceId::new(Uuid::from_u128(index)));
            let plan = plan(rupiah(amount), customer, first, &open).expect("in range");
            let allocated = Rupiah::sum(plan.allocations.iter().map(|one| one.amount)).expect("in range");
            let unmatched = plan.unmatched.as_ref().map_or(Rupiah::ZERO, |part| part.amount);
            prop_assert_eq!(Rupiah::sum([allocated, plan.credit, unmatched]), Ok(rupiah(amount)));
            prop_assert!(known || plan.allocations.is_empty() && plan.credit.is_zero());
            for part in &plan.allocations {
                let invoice = open.iter().find(|one| one.invoice == part.invoice).expect("an open invoice");
                prop_assert!(part.amount.is_positive() && part.amount <= invoice.outstanding);
            }
            if plan.credit.is_positive() {
                let outstanding = Rupiah::sum(open.iter().map(|one| one.outstanding)).expect("in range");
                prop_assert_eq!(allocated, outstanding, "credit only when nothing is open");
            }
        }

        #[test]
        fn older_invoices_are_paid_in_full_before_younger_ones_get_anything(
            amount in 1_i64..2_000_000, open in open_invoices(),
        ) {
            let customer = Some(CustomerId::new(Uuid::from_u128(1)));
            let plan = plan(rupiah(amount), customer, None, &open).expect("in range");
            let due = |invoice: InvoiceId| open.iter().find(|one| one.invoice == invoice).expect("open").due_on;
            let days: Vec<NaiveDate> = plan.allocations.iter().map(|part| due(part.invoice)).collect();
            prop_assert!(days.is_sorted());
            for part in plan.allocations.iter().rev().skip(1) {
                let invoice = open.iter().find(|one| one.invoice == part.invoice).expect("open");
                prop_assert_eq!(part.amount, invoice.outstanding, "only the last one is partial");
            }
        }
    }
}
