//! Commands and the bus: look up the id, decide, append, commit, and again if somebody was faster.

use chrono::NaiveDate;
use chrono::{DateTime, Utc};
use simpul_adapters::delivery::Report;
use simpul_domain::{
    AttemptId, CommandId, CustomerId, GatewayId, InvoiceId, MessageId, RouterId, Rupiah, SessionId,
    SubscriptionId, TenantId, TimerId,
    billing::{
        MerchantRef,
        attempt::CreateFailure,
        gateway::{Checkout, Observation},
    },
    catalog::PlanTerms,
    messaging::message::QueueMessage,
    network::provisioning::{RecordConfirmed, RecordFailed},
    policy::TimerKind,
};
use uuid::Uuid;

use super::{accounting::Told, work::Work};
use crate::{
    model::{
        log::AppendError,
        store::{BeginError, InlineRow},
    },
    news::Topics,
    plant::Plant,
    stage::Seat,
};

/// How often a decision is made again when others were faster.
const MAX_CONFLICT_RETRIES: u32 = 3;

/// What a person or a part of the product asks for.
#[derive(Debug, Clone)]
pub enum Command {
    Line(SubscriptionId, Change),
    Issue {
        subscription: SubscriptionId,
        due_on: NaiveDate,
    },
    Void(InvoiceId),
    OpenCheckout {
        invoice: InvoiceId,
        gateway: GatewayId,
        payer_fee: Rupiah,
    },
    RecordCheckout {
        attempt: AttemptId,
        checkout: Checkout,
    },
    RecordCreateFailed {
        attempt: AttemptId,
        failure: CreateFailure,
    },
    Book {
        gateway: GatewayId,
        observation: Observation,
        notice: Option<Uuid>,
    },
    MarkOverdue {
        invoice: InvoiceId,
        not_before: Option<DateTime<Utc>>,
    },
    QueueMessage(QueueMessage),
    RecordSent {
        message: MessageId,
        report: Report,
    },
    ScheduleTimer {
        due_at: DateTime<Utc>,
        kind: TimerKind,
    },
    CompleteTimer(TimerId),
    Confirm(RecordConfirmed),
    Fail(RecordFailed),
    StartSession {
        session: SessionId,
        first: Uuid,
    },
    EndStolenSession {
        session: SessionId,
    },
    Account(Vec<Told>),
    SweepSessions,
}

/// What happens to a service line.
#[derive(Debug, Clone)]
pub enum Change {
    Open(Box<OpenLine>),
    Activate,
    Suspend,
    Resume,
    Stop,
    Terminate,
    ToPlan(PlanTerms),
    ToSecret(String),
    NoteOverdue(Overdue),
    ClearOverdue(InvoiceId),
}

/// A new service line.
#[derive(Debug, Clone)]
pub struct OpenLine {
    pub customer: CustomerId,
    pub router: RouterId,
    pub username: String,
    pub terms: PlanTerms,
}

/// An invoice that is overdue.
#[derive(Debug, Clone, Copy)]
pub struct Overdue {
    pub invoice: InvoiceId,
    pub due_on: NaiveDate,
    /// When the timer that asks fell due, if one does.
    pub not_before: Option<DateTime<Utc>>,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Invoice(InvoiceId),
    Planned(Box<Planned>),
}

/// What a gateway is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub attempt: AttemptId,
    pub merchant_ref: MerchantRef,
    pub amount: Rupiah,
    pub payer_fee: Rupiah,
    pub expires_at: DateTime<Utc>,
}

/// The frame of a command.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    pub tenant: TenantId,
    pub id: CommandId,
    /// The timer that it carries out, if it is one's.
    pub timer: Option<TimerId>,
}

impl Context {
    pub const fn new(tenant: TenantId, id: CommandId) -> Self {
        Self {
            tenant,
            id,
            timer: None,
        }
    }
}

/// Why a command had no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("refused: {0}")]
    Refused(String),
    #[error("the store does not answer")]
    Unavailable,
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// The answer, and whether it is an earlier one.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub answer: Answer,
    pub repeated: bool,
}

/// Runs a command to its end.
pub async fn dispatch(seat: &Seat, mut context: Context, command: &Command) -> Result<Receipt, Failure> {
    let _busy = seat.busy();
    if seat.with(|world| world.is_planted(Plant::TimerWithoutId)) && context.timer.is_some() {
        context.id = CommandId::new(seat.with(crate::world::World::new_uuid));
    }
    if let Some(answer) = earlier(seat, context)? {
        return Ok(answer);
    }
    let mut attempt = 0;
    loop {
        let error = match once(seat, context, command).await {
            Err(Failure::Append(error)) => error,
            other => return other,
        };
        // What is in the way may be this command's own twin.
        if let Some(answer) = earlier(seat, context)? {
            return Ok(answer);
        }
        match error {
            AppendError::Conflict if attempt < MAX_CONFLICT_RETRIES => {}
            AppendError::Taken | AppendError::QuotaExceeded => {
                return Err(Failure::Refused(error.to_string()));
            }
            AppendError::Conflict | AppendError::Repeated => return Err(Failure::Append(error)),
        }
        attempt += 1;
        seat.sleep(u64::from(5 * attempt)).await;
    }
}

fn earlier(seat: &Seat, context: Context) -> Result<Option<Receipt>, Failure> {
    seat.with(|world| {
        if !world.store_answers() {
            return Err(Failure::Unavailable);
        }
        if world.is_planted(Plant::NoIdempotency) {
            return Ok(None);
        }
        let log = world.store.log(context.tenant);
        let answer = log.and_then(|log| log.answer(context.id)).cloned();
        Ok(answer.map(|answer| Receipt {
            answer,
            repeated: true,
        }))
    })
}

async fn once(seat: &Seat, context: Context, command: &Command) -> Result<Receipt, Failure> {
    let mut work = Work::new(seat, context);
    let decided = super::use_case::run(&mut work, command).await;
    let number = work.number_lock();
    let given_up = |seat: &Seat| {
        if let Some(lock) = &number {
            seat.with(|world| world.store.give_number_back(context.tenant, lock));
        }
    };
    let answer = match decided {
        Ok(answer) => answer,
        Err(failure) => {
            given_up(seat);
            return Err(failure);
        }
    };
    seat.pause().await;
    let unit = work.into_unit(answer.clone());
    let tx = loop {
        let begun = seat.with(|world| {
            if !world.store_answers() {
                return Err(Failure::Unavailable);
            }
            let holder = world.holder(seat.host);
            let (append, rows) = (unit.append.clone(), unit.rows.clone());
            match world
                .store
                .begin(holder, context.tenant, append, rows, number.clone())
            {
                Ok(tx) => Ok(Some(tx)),
                Err(BeginError::Locked) => Ok(None),
                Err(BeginError::SessionGone) => Err(Failure::Unavailable),
                Err(BeginError::Refused(error)) => Err(Failure::Append(error)),
            }
        });
        match begun {
            Ok(Some(tx)) => break tx,
            Ok(None) => seat.sleep(1).await,
            Err(failure) => {
                given_up(seat);
                return Err(failure);
            }
        }
    };
    seat.pause().await;
    let receipt = Receipt {
        answer,
        repeated: false,
    };
    seat.with(|world| {
        let repeated = world
            .store
            .log(context.tenant)
            .is_some_and(|log| log.answer(context.id).is_some());
        // Nothing when the session was given up while the process stood still.
        let committed = world.store.commit(tx).ok_or(Failure::Unavailable)?;
        world.news.tell(Topics::LOG);
        unit.rows.iter().for_each(|row| world.news.tell(row.topics()));
        for event in &committed {
            world.note("event", event.seq.unsigned_abs(), || {
                format!("{} {:?}", event.event.event_type(), event.stream.1)
            });
        }
        for row in &unit.rows {
            if let InlineRow::Radius(change) = row {
                world.accounted(context.tenant, change);
            }
        }
        world.committed(context, repeated, &committed);
        Ok::<(), Failure>(())
    })?;
    seat.pause().await;
    Ok(receipt)
}
