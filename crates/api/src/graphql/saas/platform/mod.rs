//! Bills of all operators, for those who run the platform.

mod bills;
mod income;
mod payers;
mod payments;
mod terms;

use async_graphql::MergedObject;

pub(crate) use self::{
    bills::{SaasInvoice, SaasPaymentAttempt},
    payments::SaasPayment,
};

/// Questions about operators' bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct SaasQuery(
    bills::SaasBillsQuery,
    income::SaasIncomeQuery,
    payments::SaasPaymentsQuery,
    terms::SaasTermsQuery,
);

/// Commands about operators' bills and terms.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct SaasMutation(
    bills::SaasBillsMutation,
    payers::SaasPayersMutation,
    terms::SaasTermsMutation,
);
