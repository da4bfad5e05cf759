//! Service lines: opening, activating, and what unpaid invoices do to them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomerId, InvoiceId, RouterId, ServicePlanId, SubscriptionId,
    billing::{DueDay, Invoice},
    catalog::ServicePlan,
    customers::{Customer, customer::CustomerStatus},
    network::{Router, router::RouterStatus},
    subscriptions::{
        PppUsername, Subscription, SubscriptionCommand, SubscriptionEvent,
        subscription::{IsolirHold, NoteOverdue as Note, OpenSubscription as Open, SubscriptionStatus},
    },
    tenancy::{Resource, TenantSettings, settings::IsolirScope},
};
use simpul_event_store::{
    Access, Command, StoreError, TenantTx, Work,
    crash::{self, Point},
    inline::claim,
};

use crate::{
    Outcome, Personal, Refusal,
    billing::isolir_runs,
    corrupt, decide,
    network::{self, LINES},
    permission, refuse, tenancy,
};

/// Field of a subscription that is sealed.
pub const SECRET_FIELD: &str = "secret";
/// User names are unique per router; the router ignores case and the type stores small letters.
const USERNAME_SCOPE: &str = "ppp.username";
/// Scope of the set of a customer's lines.
const CUSTOMER_LINES: &str = "customer.lines";

/// A name on a router.
fn name_on(router: RouterId, username: &PppUsername) -> String {
    format!("{router}/{username}")
}

/// A line that is over is off its router: another one may have its name there. Not earlier, or the router would have the
/// name twice.
pub(crate) async fn give_up_name(work: &mut Work<'_>, line: SubscriptionId) -> Outcome<()> {
    let id = line.to_string();
    let line = work.load::<Subscription>(&id).await?;
    let (SubscriptionStatus::Terminated, Some(router), Some(username)) =
        (line.status(), line.router(), line.username())
    else {
        return Ok(());
    };
    let name = name_on(router, username);
    if work.claimed_by(USERNAME_SCOPE, &name).await?.as_ref() == Some(&id) {
        work.release(USERNAME_SCOPE, &name);
    }
    Ok(())
}

/// The lines that have these names on these routers.
pub(crate) async fn lines_named(
    tx: &mut TenantTx,
    names: &[(RouterId, PppUsername)],
) -> Outcome<HashMap<(RouterId, PppUsername), SubscriptionId>> {
    let keys: Vec<String> = names
        .iter()
        .map(|(router, username)| name_on(*router, username))
        .collect();
    let owners: HashMap<String, String> = claim::owners(tx, USERNAME_SCOPE, &keys)
        .await?
        .into_iter()
        .collect();
    let mut lines = HashMap::new();
    for (name, key) in names.iter().zip(&keys) {
        if let Some(owner) = owners.get(key) {
            lines.insert(name.clone(), owner.parse().map_err(|_| corrupt())?);
        }
    }
    Ok(lines)
}

/// The lines of a customer that are not over.
pub(crate) async fn lines_of(work: &mut Work<'_>, customer: CustomerId) -> Outcome<Vec<SubscriptionId>> {
    let members = work.members(CUSTOMER_LINES, &customer.to_string()).await?;
    let read = |member: &String| member.parse().map_err(|_| corrupt());
    members.iter().map(read).collect()
}

/// The same of many customers, in one call.
pub(crate) async fn lines_of_all(
    work: &mut Work<'_>,
    customers: &BTreeSet<CustomerId>,
) -> Outcome<BTreeSet<SubscriptionId>> {
    let keys: Vec<String> = customers.iter().map(ToString::to_string).collect();
    let members = work.members_of(CUSTOMER_LINES, &keys).await?;
    let read = |(_, line): &(String, String)| line.parse().map_err(|_| corrupt());
    members.iter().map(read).collect()
}

/// Opens a service line on a router.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenSubscription {
    pub customer: CustomerId,
    pub plan: ServicePlanId,
    pub router: RouterId,
    pub username: PppUsername,
    pub secret: Personal,
    /// The tenant's default when absent.
    pub due_day: Option<DueDay>,
    pub installed_on: NaiveDate,
}

impl Command for OpenSubscription {
    const NAME: &'static str = "subscription.open";
    const ACCESS: Access = Access::permission(permission::SUBSCRIPTION_WRITE);
    type Answer = SubscriptionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SubscriptionId> {
        let Some(terms) = work
            .load::<ServicePlan>(&self.plan.to_string())
            .await?
            .on_sale()
            .cloned()
        else {
            return refuse(Refusal::Missing { what: "service plan" });
        };
        match work.load::<Customer>(&self.customer.to_string()).await?.status() {
            CustomerStatus::Registered { .. } => {}
            CustomerStatus::Absent => return refuse(Refusal::Missing { what: "customer" }),
            CustomerStatus::Erased { .. } => return refuse(Refusal::Unusable { what: "customer" }),
        }
        network::hold(work, self.router).await?;
        match work.load::<Router>(&self.router.to_string()).await?.status() {
            RouterStatus::Managed => {}
            RouterStatus::Absent => return refuse(Refusal::Missing { what: "router" }),
            RouterStatus::Retired => return refuse(Refusal::Unusable { what: "router" }),
        }
        let settings = tenancy::settings(work).await?;
        let subscription = SubscriptionId::new(work.new_uuid());
        let id = subscription.to_string();
        let keys = work.begin_subject(&id).await?;
        let open = Open {
            subscription,
            customer: self.customer,
            terms,
            router: self.router,
            username: self.username.clone(),
            secret: keys.seal(&id, SECRET_FIELD, self.secret.as_str())?,
            due_day: self.due_day.unwrap_or(settings.invoicing.due_day),
            installed_on: self.installed_on,
            zone: settings.region.zone,
            at: work.at(),
        };
        work.begin::<Subscription>(&id);
        decide::<Subscription>(work, &id, SubscriptionCommand::Open(Box::new(open))).await?;
        work.claim(USERNAME_SCOPE, &name_on(self.router, &self.username), &id);
        work.add_member(LINES, &self.router.to_string(), &id, &id);
        work.add_member(CUSTOMER_LINES, &self.customer.to_string(), &id, &id);
        work.quota(Resource::Users.as_str(), 1);
        Ok(subscription)
    }
}

/// What a person can ask of an existing line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Activate,
    Suspend { reason: String },
    Resume,
    Stop { reason: String },
    Terminate { reason: String },
    MoveToPlan { plan: ServicePlanId },
}

/// Changes a service line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSubscription {
    pub subscription: SubscriptionId,
    pub change: Change,
}

impl Command for ChangeSubscription {
    const NAME: &'static str = "subscription.change";
    const ACCESS: Access = Access::permission(permission::SUBSCRIPTION_WRITE);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Subscription>(&self.subscription.to_string())
            .await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let at = work.at();
        let command = match &self.change {
            Change::Activate => SubscriptionCommand::Activate { at },
            Change::Suspend { reason } => SubscriptionCommand::Suspend {
                reason: reason.clone(),
                at,
            },
            Change::Resume => SubscriptionCommand::Resume { at },
            Change::Stop { reason } => SubscriptionCommand::Stop {
                reason: reason.clone(),
                at,
            },
            Change::Terminate { reason } => SubscriptionCommand::Terminate {
                reason: reason.clone(),
                at,
            },
            Change::MoveToPlan { plan } => {
                let plan = work.load::<ServicePlan>(&plan.to_string()).await?;
                let Some(terms) = plan.on_sale().cloned() else {
                    return refuse(Refusal::Missing { what: "service plan" });
                };
                SubscriptionCommand::ChangePlan { terms, at }
            }
        };
        let events = decide::<Subscription>(work, &self.subscription.to_string(), command).await?;
        if events
            .iter()
            .any(|event| matches!(event, SubscriptionEvent::Terminated(_)))
        {
            let id = self.subscription.to_string();
            let line = work.load::<Subscription>(&id).await?;
            if let (Some(router), Some(customer)) = (line.router(), line.customer()) {
                work.drop_member(LINES, &router.to_string(), &id);
                work.drop_member(CUSTOMER_LINES, &customer.to_string(), &id);
            }
            work.quota(Resource::Users.as_str(), -1);
        }
        Ok(())
    }
}

/// Gives a line another PPP password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSecret {
    pub subscription: SubscriptionId,
    pub secret: Personal,
}

impl Command for ChangeSecret {
    const NAME: &'static str = "subscription.change_secret";
    const ACCESS: Access = Access::permission(permission::SUBSCRIPTION_WRITE);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Subscription>(&self.subscription.to_string())
            .await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = self.subscription.to_string();
        let secret = self.secret.seal(work, &id, SECRET_FIELD).await?;
        let at = work.at();
        decide::<Subscription>(work, &id, SubscriptionCommand::ChangeSecret { secret, at }).await?;
        Ok(())
    }
}

/// An invoice of the line is overdue. Openness, grace, today's date and what holds are read here, whatever the policy knew.
/// Where a day off or a held run keeps the line from being isolated, the bill is looked at again on the next working day.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoteOverdue {
    pub subscription: SubscriptionId,
    pub invoice: InvoiceId,
    pub due_on: NaiveDate,
    /// When the timer that asks fell due. A clock that was set back since then does not make it early.
    pub not_before: Option<DateTime<Utc>>,
}

impl Command for NoteOverdue {
    const NAME: &'static str = "subscription.note_overdue";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let invoice = work.load::<Invoice>(&self.invoice.to_string()).await?;
        let (invoice_open, reopened) = (invoice.is_open(), invoice.was_reopened());
        let settings = tenancy::settings(work).await?;
        let (zone, at) = (settings.region.zone, work.at());
        let mut note = Note {
            invoice: self.invoice,
            due_on: self.due_on,
            today: zone.date_at(self.not_before.map_or(at, |due_at| due_at.max(at))),
            grace_days: settings.dunning.grace_days.get(),
            invoice_open,
            reopened,
            hold: IsolirHold::default(),
            at,
        };
        let lines = self.concerned(work, settings.isolir.scope).await?;
        let mut isolates = false;
        for line in &lines {
            let line = work.load::<Subscription>(&line.to_string()).await?;
            isolates |= line.would_be_isolated(&note);
        }
        if isolates {
            note.hold = self.hold(work, note.today, &settings).await?;
        }
        if note.hold.day_off || note.hold.run_held {
            let next = settings.calendar.working_day_from(note.today + Days::new(1));
            let bill = (self.invoice, self.subscription, self.due_on);
            isolir_runs::look_again(work, bill, zone.start_of(next))?;
        } else if note.is_ripe() {
            isolir_runs::done(work, self.invoice, self.subscription, self.due_on);
        }
        for line in lines {
            let command = SubscriptionCommand::NoteOverdue(note.clone());
            decide::<Subscription>(work, &line.to_string(), command).await?;
        }
        crash::point(Point::IsolirDecided);
        Ok(())
    }
}

impl NoteOverdue {
    /// The lines that the bill restricts: its own first, with the customer's others if the operator says so.
    async fn concerned(&self, work: &mut Work<'_>, scope: IsolirScope) -> Outcome<Vec<SubscriptionId>> {
        let mut lines = vec![self.subscription];
        let id = self.subscription.to_string();
        let customer = work.load::<Subscription>(&id).await?.customer();
        if let (IsolirScope::Customer, Some(customer)) = (scope, customer) {
            let others = lines_of(work, customer).await?;
            lines.extend(others.into_iter().filter(|line| *line != self.subscription));
        }
        Ok(lines)
    }

    /// What keeps lines from being isolated today.
    async fn hold(
        &self,
        work: &mut Work<'_>,
        today: NaiveDate,
        settings: &TenantSettings,
    ) -> Outcome<IsolirHold> {
        let day_off = settings.calendar.is_off(today);
        Ok(IsolirHold {
            day_off,
            run_held: !day_off && !isolir_runs::goes_on(work, today, settings).await?,
            ..IsolirHold::default()
        })
    }
}

/// A line was isolated long ago. That it has been ever since, and that a bill of it still asks for money, is read here:
/// whoever paid meanwhile was isolated anew if at all, and whoever has a promise, an outage or credit never was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopUnpaid {
    pub subscription: SubscriptionId,
    pub isolated_at: DateTime<Utc>,
}

impl Command for StopUnpaid {
    const NAME: &'static str = "subscription.stop_unpaid";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = self.subscription.to_string();
        let line = work.load::<Subscription>(&id).await?;
        if line.isolated_since() != Some(self.isolated_at) {
            return Ok(());
        }
        let overdue: Vec<InvoiceId> = line.overdue().keys().copied().collect();
        for invoice in overdue {
            if work.load::<Invoice>(&invoice.to_string()).await?.is_open() {
                let stop = SubscriptionCommand::Stop {
                    reason: format!("{invoice} is unpaid"),
                    at: work.at(),
                };
                decide::<Subscription>(work, &id, stop).await?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// An invoice of the line no longer asks for money. Whether it does is read here: money may have been taken back since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClearOverdue {
    pub subscription: SubscriptionId,
    pub invoice: InvoiceId,
}

impl Command for ClearOverdue {
    const NAME: &'static str = "subscription.clear_overdue";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        if work.load::<Invoice>(&self.invoice.to_string()).await?.is_open() {
            return Ok(());
        }
        let id = self.subscription.to_string();
        let customer = work.load::<Subscription>(&id).await?.customer();
        let others = match customer {
            Some(customer) => lines_of(work, customer).await?,
            None => Vec::new(),
        };
        // Whatever the scope is now: another line may have been isolated for the bill under another one.
        let mut cleared = vec![id];
        for other in others.iter().filter(|other| **other != self.subscription) {
            let id = other.to_string();
            let line = work.load::<Subscription>(&id).await?;
            if line.overdue().contains_key(&self.invoice) {
                cleared.push(id);
            }
        }
        for id in cleared {
            let command = SubscriptionCommand::ClearOverdue {
                invoice: self.invoice,
                at: work.at(),
            };
            decide::<Subscription>(work, &id, command).await?;
        }
        crash::point(Point::UnisolirDecided);
        Ok(())
    }
}
