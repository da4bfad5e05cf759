//! When and how customers are billed, taxes, and what follows when they do not pay.

use async_graphql::{Enum, InputObject, SimpleObject};
use simpul_domain::{
    Rupiah,
    billing::{
        DueDay, InvoiceNumberPattern, Tax,
        service::{FirstPeriod, TaxMode},
    },
    tenancy::settings::{Dunning, Invoicing, LateFee, LateFeeAmount, PrepaidAnchor, TaxRule, Taxation},
    within::Within,
};

use crate::graphql::{
    fields::Fields,
    scalar::{Date, Money, MoneyInput},
    user_error::UserError,
};

/// What a customer owes for a first period that began in its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "FirstPeriod", name = "FirstPeriod")]
pub(crate) enum BegunPeriod {
    /// Nothing.
    Free,
    /// The days of service, by the actual days of the period.
    Prorated,
    /// All of it.
    Whole,
}

/// From when a prepaid service runs that is paid after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "PrepaidAnchor", name = "PrepaidAnchor")]
pub(crate) enum RenewalAnchor {
    /// From the payment.
    Payment,
    /// From the old end.
    Expiry,
}

/// When and how customers are billed.
#[derive(Debug, SimpleObject)]
pub(crate) struct InvoicingSettings {
    /// Due day of new subscriptions, 1 to 31.
    due_day: i32,
    /// Days before the due date on which a line's bill goes out by itself. More days than before count from the bill after
    /// the next.
    issue_days_ahead: i32,
    /// What a first period that began in its middle costs.
    first_period: BegunPeriod,
    /// Calculated amounts are rounded up to a multiple of this.
    rounding_unit: Money,
    /// How invoice numbers are made.
    number_pattern: String,
    /// From when a prepaid service runs that is paid late. Kept for prepaid renewals: nothing reads it.
    prepaid_anchor: RenewalAnchor,
    /// Whether days are billed on which a line was isolated from morning to night.
    bill_while_isolated: bool,
}

impl From<&Invoicing> for InvoicingSettings {
    fn from(invoicing: &Invoicing) -> Self {
        Self {
            due_day: invoicing.due_day.get().into(),
            issue_days_ahead: invoicing.issue_days_ahead.get().into(),
            first_period: invoicing.first_period.into(),
            rounding_unit: invoicing.rounding_unit.into(),
            number_pattern: invoicing.number_pattern.as_str().to_owned(),
            prepaid_anchor: invoicing.prepaid_anchor.into(),
            bill_while_isolated: invoicing.bill_while_isolated,
        }
    }
}

/// When and how customers are billed, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct InvoicingSettingsChangeInput {
    /// Due day of new subscriptions, 1 to 31.
    due_day: i32,
    /// Days before the due date on which an invoice is issued, 0 to 60.
    issue_days_ahead: i32,
    /// What a first period that began in its middle costs.
    first_period: BegunPeriod,
    /// Calculated amounts are rounded up to a multiple of this.
    rounding_unit: MoneyInput,
    /// `{YYYY}`, `{YY}`, `{MM}`, `{DD}` and one counter such as `{NNNN}`.
    number_pattern: String,
    /// From when a prepaid service runs that is paid late.
    prepaid_anchor: RenewalAnchor,
    /// Whether the time of an isolation is billed.
    bill_while_isolated: bool,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl InvoicingSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Invoicing, Vec<UserError>> {
        let mut fields = Fields::default();
        let due_day = fields.take("dueDay", "range", u8::try_from(self.due_day));
        let due_day = due_day.and_then(|day| fields.take("dueDay", "range", DueDay::try_new(day)));
        let ahead = fields.take("issueDaysAhead", "range", Within::read(self.issue_days_ahead));
        let unit: Option<Rupiah> = fields.money("roundingUnit", &self.rounding_unit);
        let pattern = InvoiceNumberPattern::parse(&self.number_pattern);
        let pattern = fields.take("numberPattern", "pattern", pattern);
        let invoicing = (|| {
            Some(Invoicing {
                due_day: due_day?,
                issue_days_ahead: ahead?,
                first_period: self.first_period.into(),
                rounding_unit: unit?,
                number_pattern: pattern?,
                prepaid_anchor: self.prepaid_anchor.into(),
                bill_while_isolated: self.bill_while_isolated,
            })
        })();
        fields.done(invoicing)
    }
}

/// How prices are taxed from a day on.
#[derive(Debug, SimpleObject)]
pub(crate) struct TaxSetting {
    /// Bills that are issued on this day or later.
    since: Date,
    /// Hundredths of a per cent: 1200 is 12 %. Null: not taxed from that day on.
    rate_basis_points: Option<i32>,
    /// The part of the price that is taxed: 11 of 12 for PPN on what is no luxury.
    base_numerator: Option<i32>,
    /// See `baseNumerator`.
    base_denominator: Option<i32>,
    /// The price has the tax in it.
    inclusive: Option<bool>,
}

impl From<&TaxRule> for TaxSetting {
    fn from(rule: &TaxRule) -> Self {
        let tax = rule.mode.map(|mode| mode.tax);
        Self {
            since: Date(rule.since),
            rate_basis_points: tax.map(|tax| tax.rate_basis_points.into()),
            base_numerator: tax.map(|tax| tax.base_numerator.into()),
            base_denominator: tax.map(|tax| tax.base_denominator.into()),
            inclusive: rule.mode.map(|mode| mode.inclusive),
        }
    }
}

pub(super) fn taxes(taxation: &Taxation) -> Vec<TaxSetting> {
    taxation.rules.iter().map(TaxSetting::from).collect()
}

/// A tax.
#[derive(Debug, InputObject)]
pub(crate) struct TaxInput {
    /// Hundredths of a per cent: 1200 is 12 %.
    rate_basis_points: i32,
    /// The part of the price that is taxed: 11 of 12 for PPN on what is no luxury.
    #[graphql(default = 1)]
    base_numerator: i32,
    /// See `baseNumerator`.
    #[graphql(default = 1)]
    base_denominator: i32,
    /// The price has the tax in it.
    inclusive: bool,
}

/// How prices are taxed from a day on.
#[derive(Debug, InputObject)]
pub(crate) struct TaxRuleInput {
    /// Bills that are issued on this day or later.
    since: Date,
    /// Null: not taxed from that day on.
    tax: Option<TaxInput>,
}

/// The rules of taxation, all of them.
#[derive(Debug, InputObject)]
pub(crate) struct TaxSettingsChangeInput {
    /// The oldest first, at most 20. None: not taxed.
    rules: Vec<TaxRuleInput>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl TaxSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Taxation, Vec<UserError>> {
        let mut fields = Fields::default();
        let rules: Option<Vec<TaxRule>> = self.rules.iter().map(|rule| rule.read(&mut fields)).collect();
        fields.done(rules.map(|rules| Taxation { rules }))
    }
}

impl TaxRuleInput {
    fn read(&self, fields: &mut Fields) -> Option<TaxRule> {
        let mode = match &self.tax {
            None => None,
            Some(tax) => Some(TaxMode {
                tax: Tax {
                    rate_basis_points: fields.take("rules", "range", u16::try_from(tax.rate_basis_points))?,
                    base_numerator: fields.take("rules", "range", u8::try_from(tax.base_numerator))?,
                    base_denominator: fields.take("rules", "range", u8::try_from(tax.base_denominator))?,
                },
                inclusive: tax.inclusive,
            }),
        };
        let since = self.since.0;
        Some(TaxRule { since, mode })
    }
}

/// Asked once for each bill that was unpaid after the grace: a line of its own on the line's next bill, without tax.
#[derive(Debug, SimpleObject)]
pub(crate) struct LateFeeSetting {
    /// A fixed amount; null when it is a share.
    amount: Option<Money>,
    /// Hundredths of a per cent of what was owed; null when it is fixed.
    basis_points: Option<i32>,
    /// At most this, of a share.
    cap: Option<Money>,
}

impl From<LateFee> for LateFeeSetting {
    fn from(fee: LateFee) -> Self {
        match fee.amount {
            LateFeeAmount::Fixed(amount) => Self {
                amount: Some(amount.into()),
                basis_points: None,
                cap: None,
            },
            LateFeeAmount::Share { basis_points, cap } => Self {
                amount: None,
                basis_points: Some(basis_points.get().into()),
                cap: cap.map(Money::from),
            },
        }
    }
}

/// What follows when a bill is not paid.
#[derive(Debug, SimpleObject)]
pub(crate) struct DunningSettings {
    /// Days after the due date on which a customer is reminded; negative before it.
    reminder_days: Vec<i32>,
    /// Whole days after the due date during which nobody is isolated.
    grace_days: i32,
    /// Whole days after its isolir until a line that is still unpaid is stopped; null: never by itself.
    stop_days: Option<i32>,
    /// None: nothing is asked for being late.
    late_fee: Option<LateFeeSetting>,
}

impl From<&Dunning> for DunningSettings {
    fn from(dunning: &Dunning) -> Self {
        Self {
            reminder_days: dunning.reminder_days.iter().copied().map(i32::from).collect(),
            grace_days: dunning.grace_days.get().into(),
            stop_days: dunning.stop_days.map(|days| days.get().into()),
            late_fee: dunning.late_fee.map(LateFeeSetting::from),
        }
    }
}

/// A late fee: an amount, or a share of what was owed.
#[derive(Debug, InputObject)]
pub(crate) struct LateFeeInput {
    /// A fixed amount.
    amount: Option<MoneyInput>,
    /// Hundredths of a per cent of what was owed, 1 to 10000.
    basis_points: Option<i32>,
    /// At most this, of a share.
    cap: Option<MoneyInput>,
}

impl LateFeeInput {
    fn read(&self, fields: &mut Fields) -> Option<LateFee> {
        let amount = match (&self.amount, self.basis_points) {
            (Some(amount), None) => LateFeeAmount::Fixed(fields.money("lateFee", amount)?),
            (None, Some(basis_points)) => {
                let basis_points = fields.take("lateFee", "range", Within::read(basis_points))?;
                let cap = match &self.cap {
                    Some(cap) => Some(fields.money("lateFee", cap)?),
                    None => None,
                };
                LateFeeAmount::Share { basis_points, cap }
            }
            (Some(_), Some(_)) | (None, None) => {
                let error: Result<(), _> = Err("A late fee is an amount or a share of what was owed");
                fields.take("lateFee", "choice", error)?;
                return None;
            }
        };
        Some(LateFee { amount })
    }
}

/// What follows when a bill is not paid, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct DunningSettingsChangeInput {
    /// Days after the due date on which a customer is reminded, negative before it; at most 10, from -60 to 60.
    reminder_days: Vec<i32>,
    /// Whole days after the due date during which nobody is isolated, 0 to 60.
    grace_days: i32,
    /// Whole days after its isolir until a line that is still unpaid is stopped, 1 to 365; null: never by itself.
    stop_days: Option<i32>,
    /// None: nothing is asked for being late.
    late_fee: Option<LateFeeInput>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl DunningSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Dunning, Vec<UserError>> {
        let mut fields = Fields::default();
        let reminders: Option<Vec<i8>> = self
            .reminder_days
            .iter()
            .map(|&days| fields.take("reminderDays", "range", i8::try_from(days)))
            .collect();
        let grace = fields.take("graceDays", "range", Within::read(self.grace_days));
        let stop = self.stop_days.map(Within::read).transpose();
        let stop = fields.take("stopDays", "range", stop);
        let fee = match &self.late_fee {
            Some(fee) => fee.read(&mut fields).map(Some),
            None => Some(None),
        };
        let dunning = (|| {
            Some(Dunning {
                reminder_days: reminders?,
                grace_days: grace?,
                stop_days: stop?,
                late_fee: fee?,
            })
        })();
        fields.done(dunning)
    }
}
