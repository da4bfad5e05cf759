//! Policies at work: each event's intents become commands and timers.
//!
//! A policy is pure (`simpul_domain::policy`); this reactor carries out what it wishes. A command's id derives from
//! the event, the policy and the intent's index, so repeating a reaction is a no-op.

mod errands;
mod facts;
mod hand;
mod saas;
mod timers;

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use simpul_domain::{
    Decider as _, TenantId,
    billing::{Invoice, InvoiceEvent, cycle, dunning, isolir},
    identity::session::theft,
    messaging::receipts,
    network::{Provisioning, Router, sweep},
    platform::{self, Account},
    policy::Intent,
    registry::AnyEvent,
    saas::{
        Tab, arrears,
        ladder::{self, LadderFacts},
        meter, news,
    },
    subscriptions::Subscription,
    tenancy::{AddOnOrder, Tenant},
    within::Within,
};
use simpul_event_store::{
    Bus, Cause, Context, Recorded,
    crash::{self, Point},
    feed::{HandlerError, Interest, Reactor},
    inline::{erasure, timer::Fired},
};

pub(crate) use self::timers::origin;
pub use self::timers::{timer_kind, timer_row};
use self::{
    hand::Hand,
    timers::{CompleteTimer, ScheduleTimer},
};
use crate::{
    billing::{BillLine, ChargeLateFee, MarkOverdue, RemindOfInvoice},
    identity::sessions::EndStolenSession,
    messaging::QueueMessage,
    saas::{BillAccount, ClearArrears, HearOfBill, LockForArrears, NoteArrears, UnlockAfterArrears},
    subscriptions::{ClearOverdue, NoteOverdue, StopUnpaid},
};

/// Streams whose events are reacted to side by side.
const STREAMS_AT_ONCE: usize = 8;

/// Runs every policy over the log.
#[derive(Debug, Clone)]
pub struct Policies {
    bus: Bus,
}

impl Policies {
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Carries out what a timer wants.
    pub async fn fire(&self, fired: &Fired) -> Result<(), HandlerError> {
        let kind = timer_kind(&fired.timer)?;
        let cause = Cause::Timer(fired.timer.id);
        let correlation = fired.timer.origin.map_or_else(
            || simpul_domain::CorrelationId::new(fired.timer.id.as_uuid()),
            |origin| origin.correlation,
        );
        let intent = dunning::on_timer(&kind)
            .or_else(|| cycle::on_timer(&kind))
            .or_else(|| ladder::on_timer(&kind))
            .or_else(|| platform::policy::on_timer(&kind))
            .or_else(|| theft::on_timer(&kind));
        if let Some(intent) = intent {
            let tenant = intent.target().unwrap_or(fired.tenant);
            let context = Context::caused(tenant, "timer", cause, correlation, intent.index() as usize);
            let is_over = self.carry_out(context, intent, Some(fired)).await?;
            crash::point(Point::TimerCarriedOut);
            if is_over {
                return Ok(());
            }
        }
        let context = Context::caused(fired.tenant, "timer.done", cause, correlation, 0);
        let end = CompleteTimer {
            timer: fired.timer.id,
        };
        hand::dispatch(&self.bus, context, end).await
    }

    /// `operator`: whose log the event is from.
    async fn wishes(
        &self,
        operator: &Tenant,
        event: &Recorded,
    ) -> Result<Vec<(&'static str, Intent)>, HandlerError> {
        let any = AnyEvent::parse(
            &event.aggregate_type,
            &event.event_type,
            &event.event_version,
            event.payload.as_str(),
        )
        .map_err(HandlerError::permanent)?;
        let mut wishes: Vec<(&'static str, Intent)> = Vec::new();
        match &any {
            AnyEvent::Invoice(invoice) => {
                let dunning = dunning::react(invoice, &facts::dunning(operator));
                wishes.extend(dunning.into_iter().map(|intent| (dunning::POLICY, intent)));
                wishes.extend(
                    isolir::react(invoice)
                        .into_iter()
                        .map(|intent| (isolir::POLICY, intent)),
                );
                if event.tenant == TenantId::PLATFORM {
                    wishes.extend(self.about_bill(invoice).await?);
                }
                let facts = facts::receipts(operator);
                for intent in receipts::on_invoice(event.event_id, invoice, &facts) {
                    if event.tenant != TenantId::PLATFORM || self.is_reachable(&intent).await? {
                        wishes.push((receipts::POLICY, intent));
                    }
                }
            }
            AnyEvent::Subscription(line) => {
                let stop = operator.settings().dunning.stop_days.map(Within::get);
                let due = dunning::on_subscription(line, stop).into_iter();
                wishes.extend(due.map(|intent| (dunning::POLICY, intent)));
                if cycle::concerns(line)
                    && let Some(facts) = self.cycle(operator, event).await?
                {
                    let bills = cycle::react(line, facts);
                    wishes.extend(bills.into_iter().map(|intent| (cycle::POLICY, intent)));
                }
            }
            AnyEvent::SaasTab(tab) => {
                let zone = self.terms().await?.zone;
                let due = ladder::on_tab(tab, zone).into_iter();
                wishes.extend(due.map(|intent| (ladder::POLICY, intent)));
                let locks = arrears::on_tab(tab).into_iter();
                wishes.extend(locks.map(|intent| (arrears::POLICY, intent)));
            }
            AnyEvent::Tenant(tenant) => {
                let sweeps = sweep::on_tenant(event.tenant_seq, tenant);
                wishes.extend(sweeps.into_iter().map(|intent| (sweep::POLICY, intent)));
            }
            AnyEvent::Router(router) => {
                let sweeps = sweep::on_router(event.tenant_seq, router);
                wishes.extend(sweeps.into_iter().map(|intent| (sweep::POLICY, intent)));
            }
            AnyEvent::Provisioning(provisioning) => {
                if let Some(customer) = self.customer_of(event.tenant, &event.aggregate_id).await? {
                    let facts = facts::receipts(operator);
                    let messages = receipts::on_provisioning(event.event_id, provisioning, customer, &facts);
                    wishes.extend(messages.into_iter().map(|intent| (receipts::POLICY, intent)));
                }
            }
            AnyEvent::Account(account) => {
                let news = platform::policy::on_account(account);
                wishes.extend(news.into_iter().map(|intent| (platform::policy::POLICY, intent)));
                let readings = meter::react(account).into_iter();
                wishes.extend(readings.map(|intent| (meter::POLICY, intent)));
            }
            AnyEvent::AddOnOrder(order) => {
                let news = platform::policy::on_order(event.tenant, order);
                wishes.extend(news.into_iter().map(|intent| (platform::policy::POLICY, intent)));
            }
            _ => {}
        }
        Ok(wishes)
    }

    /// What follows from an operator's bill.
    async fn about_bill(&self, bill: &InvoiceEvent) -> Result<Vec<(&'static str, Intent)>, HandlerError> {
        let terms = self.terms().await?;
        let facts = LadderFacts {
            reminder_days: terms.reminder_days,
            grace_days: terms.grace_days,
        };
        let steps = ladder::react(bill, &facts).into_iter();
        let arrears = arrears::on_invoice(bill).into_iter();
        let news = news::react(bill).into_iter();
        Ok(steps
            .map(|intent| (ladder::POLICY, intent))
            .chain(arrears.map(|intent| (arrears::POLICY, intent)))
            .chain(news.map(|intent| (news::POLICY, intent)))
            .collect())
    }

    /// `fired`: the timer that wishes it, if one does. Whether it was ended with what it wished.
    #[expect(clippy::too_many_lines, reason = "one arm for each wish")]
    async fn carry_out(
        &self,
        context: Context,
        intent: Intent,
        fired: Option<&Fired>,
    ) -> Result<bool, HandlerError> {
        let not_before = fired.map(|fired| fired.timer.due_at);
        let own = fired.filter(|fired| fired.tenant == context.tenant);
        let hand = Hand {
            bus: &self.bus,
            timer: own.map(|fired| fired.timer.id),
        };
        match intent {
            Intent::MarkOverdue { invoice } => {
                hand.dispatch(context, MarkOverdue { invoice, not_before }).await
            }
            Intent::NoteOverdue {
                subscription,
                invoice,
                due_on,
            } => {
                let is_over = hand
                    .dispatch(
                        context,
                        NoteOverdue {
                            subscription,
                            invoice,
                            due_on,
                            not_before,
                        },
                    )
                    .await?;
                crash::point(Point::IsolirCommitted);
                Ok(is_over)
            }
            Intent::ClearOverdue {
                subscription,
                invoice,
            } => {
                let is_over = hand
                    .dispatch(
                        context,
                        ClearOverdue {
                            subscription,
                            invoice,
                        },
                    )
                    .await?;
                crash::point(Point::UnisolirCommitted);
                Ok(is_over)
            }
            Intent::StopUnpaid {
                subscription,
                isolated_at,
            } => {
                hand.dispatch(
                    context,
                    StopUnpaid {
                        subscription,
                        isolated_at,
                    },
                )
                .await
            }
            Intent::QueueMessage {
                message,
                kind,
                customer,
                channel,
                cause,
                refs,
            } => {
                let is_over = hand
                    .dispatch(
                        context,
                        QueueMessage {
                            message,
                            kind,
                            customer,
                            channel,
                            cause,
                            refs,
                        },
                    )
                    .await?;
                crash::point(Point::ParcelPlanned);
                Ok(is_over)
            }
            Intent::BillLine { subscription, due_on } => {
                let bill = BillLine {
                    subscription,
                    due_on,
                    not_before,
                };
                hand.dispatch(context, bill).await
            }
            Intent::ChargeLateFee { invoice } => hand.dispatch(context, ChargeLateFee { invoice }).await,
            Intent::EndStolenSession { session } => {
                hand.dispatch(context, EndStolenSession { session }).await
            }
            Intent::BillAccount { account } => {
                hand.dispatch(context, BillAccount { account, not_before }).await
            }
            Intent::RemindOfBill { invoice, stage } => {
                hand.dispatch(context, RemindOfInvoice { invoice, stage }).await
            }
            Intent::NoteArrears { account, invoice } => {
                hand.dispatch(context, NoteArrears { account, invoice }).await
            }
            Intent::ClearArrears { account, invoice } => {
                hand.dispatch(context, ClearArrears { account, invoice }).await
            }
            Intent::LockAccount { account, invoice } => {
                hand.dispatch(context, LockForArrears { account, invoice }).await
            }
            Intent::UnlockAccount { account } => hand.dispatch(context, UnlockAfterArrears { account }).await,
            Intent::Meter { account, at, reading } => {
                saas::meter(&self.bus, context, account, at, reading).await?;
                Ok(false)
            }
            Intent::TellOperator { invoice, news, .. } => {
                hand.dispatch(context, HearOfBill { invoice, news }).await
            }
            Intent::ScheduleTimer { due_at, kind, .. } => {
                hand.dispatch(context, ScheduleTimer { due_at, kind }).await
            }
            Intent::Errand(errand) => {
                errands::run(&self.bus, context, errand).await?;
                Ok(false)
            }
        }
    }

    /// Reacts to events one after the other.
    async fn follow(&self, operator: &Tenant, events: Vec<&Recorded>) -> Result<(), HandlerError> {
        for event in events {
            for (policy, intent) in self.wishes(operator, event).await? {
                let cause = Cause::Event(event.event_id);
                let tenant = intent.target().unwrap_or(event.tenant);
                let mut context = Context::caused(tenant, policy, cause, event.correlation(), 0);
                context.command_id = intent.command_id(event.event_id, policy);
                self.carry_out(context, intent, None).await?;
            }
        }
        Ok(())
    }

    /// Removes what work an erased tenant has left behind. Its log is closed: nothing is dispatched there.
    async fn sweep(&self, tenant: TenantId) -> Result<(), HandlerError> {
        let mut tx = self.bus.store().db().tenant_tx(tenant).await?;
        erasure::sweep(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Of their subscription.
pub const NAME: &str = "policies";

impl Reactor for Policies {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interest(&self) -> Interest {
        Interest::Types(&[
            Invoice::TYPE,
            Subscription::TYPE,
            Tab::TYPE,
            Provisioning::TYPE,
            Tenant::TYPE,
            Router::TYPE,
            Account::TYPE,
            AddOnOrder::TYPE,
        ])
    }

    /// The events are of one log. Streams side by side, the events of one in their order: thousands of bills that fall due
    /// in one night do not wait for each other. Between streams there is no order anyway (a parked event holds up its own
    /// stream only).
    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        let Some(tenant) = events.first().map(|event| event.tenant) else {
            return Ok(());
        };
        // As they are after all these events.
        let operator = self.tenant(tenant).await?;
        let mut streams: BTreeMap<String, Vec<&Recorded>> = BTreeMap::new();
        for event in events.iter().filter(|event| !event.erases_tenant()) {
            streams.entry(self.key(event)).or_default().push(event);
        }
        let streams: Vec<_> = streams
            .into_values()
            .map(|events| self.follow(&operator, events))
            .collect();
        stream::iter(streams)
            .buffer_unordered(STREAMS_AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        // The last event of its log: nothing leaves work behind any more.
        for erasure in events.iter().filter(|event| event.erases_tenant()) {
            self.sweep(erasure.tenant).await?;
        }
        Ok(())
    }
}
