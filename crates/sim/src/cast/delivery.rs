//! The worker of the outbox: the product's machine of one try, as `delivery/worker.rs` drives it.

use simpul_adapters::delivery::{
    Content, Ready, Report, Settled,
    machine::{Effect, Ending, Input, Machine},
};
use simpul_domain::{
    CommandId, MessageId, TenantId,
    customers::PhoneNumber,
    messaging::{
        Message,
        message::MessageStatus,
        sender::{OutboundMessage, Rejection, RejectionKind, SendOutcome},
    },
};

use super::{
    command::{Command, Context, Failure, dispatch},
    looping::{self, Work},
};
use crate::{
    faults::Fault,
    model::{
        queue::Leased,
        store::{Parcel, ParcelState},
    },
    news::Topics,
    plant::Plant,
    stage::Seat,
    world::World,
};

#[derive(Debug, Clone, Copy)]
struct Courier;

pub(super) async fn run(seat: Seat) {
    looping::run(seat, Courier).await;
}

impl Work for Courier {
    type Item = Leased<Parcel>;
    const NAME: &'static str = "parcel";
    const LEASE_MS: u64 = 45_000;
    const TOPICS: Topics = Topics::OUTBOX;

    fn due(&self, world: &World, now_ms: i64) -> Vec<TenantId> {
        world.store.outbox.due(now_ms, world.gone())
    }

    fn take(&self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Vec<Self::Item> {
        let (taker, gone) = (world.taker(seat.host), world.gone().clone());
        let lease_ms = i64::try_from(Self::LEASE_MS).unwrap_or(i64::MAX);
        world
            .store
            .outbox
            .lease(tenant, taker, &gone, lease_ms, limit.min(1))
    }

    fn place(&self, parcel: &Self::Item) -> String {
        parcel.tenant.as_uuid().to_string()
    }

    fn give_back(&self, world: &mut World, seat: &Seat, parcel: Self::Item) {
        let now_ms = world.wall_ms(seat.host);
        // A lease that is over by now is somebody else's business.
        let _ = world.store.outbox.end(&parcel, Some(now_ms), |row| {
            row.body.state = ParcelState::Waiting;
        });
    }

    async fn handle(&self, seat: &Seat, parcel: Self::Item) {
        let ending = deliver(seat, &parcel).await;
        seat.pause().await;
        seat.with(|world| finish(world, seat, &parcel, &ending));
    }
}

async fn deliver(seat: &Seat, parcel: &Leased<Parcel>) -> Ending {
    let mut machine = Machine::new(parcel.attempts, parcel.body.begun);
    let mut input = Input::Begin;
    loop {
        input = match machine.step(input) {
            Effect::End(ending) => return ending,
            Effect::AskContent => seat.with(|world| content(world, parcel)),
            Effect::Wait { ms } => {
                seat.sleep(ms).await;
                Input::Waited
            }
            Effect::Begin { number } => seat.with(|world| begin(world, parcel, number)),
            Effect::Send(message) => Input::Sent(seat.with(|world| send(world, message.id))),
            Effect::Record(report) => record(seat, parcel, report).await,
        };
        seat.pause().await;
    }
}

/// What the message is at the moment of sending.
fn content(world: &World, parcel: &Leased<Parcel>) -> Input {
    let answers = world.store_answers();
    let Some(log) = world.store.log(parcel.tenant).filter(|_| answers) else {
        return Input::NoContent;
    };
    let (message, _) = log.load::<Message>(parcel.key);
    let content = match message.status() {
        MessageStatus::Queued => match PhoneNumber::parse("081234567890") {
            Ok(to) => Content::Ready(Ready {
                message: OutboundMessage {
                    id: parcel.body.message,
                    to,
                    text: String::new(),
                },
                failed_tries: message.tries(),
            }),
            Err(_) => Content::Impossible {
                reason: "no number".to_owned(),
            },
        },
        MessageStatus::Absent => Content::Impossible {
            reason: "no message".to_owned(),
        },
        MessageStatus::Accepted | MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read => {
            Content::Settled(Settled::Sent)
        }
        MessageStatus::Failed => Content::Settled(Settled::Failed),
        MessageStatus::Unknown => Content::Settled(Settled::Unknown),
    };
    Input::Content(content)
}

fn begin(world: &mut World, parcel: &Leased<Parcel>, number: u32) -> Input {
    if world.is_planted(Plant::SendWithoutBegin) {
        return Input::Begun;
    }
    if !world.store_answers() {
        return Input::NotBegun;
    }
    match world.store.outbox.under(parcel, |body| body.begun = number) {
        Ok(()) => Input::Begun,
        Err(_) => Input::NotBegun,
    }
}

fn send(world: &mut World, message: MessageId) -> SendOutcome {
    if world.swarm.strikes(Fault::MessengerRefuses) {
        let kinds = [
            RejectionKind::DeviceOffline,
            RejectionKind::RateLimited,
            RejectionKind::Unreachable,
            RejectionKind::Recipient,
        ];
        let kind = kinds[world.swarm.numbers(Fault::MessengerRefuses).index(kinds.len())];
        let reason = format!("{kind:?}");
        return SendOutcome::Rejected(Rejection { kind, reason });
    }
    let silent = world.swarm.strikes(Fault::MessengerSilent);
    if silent && world.swarm.numbers(Fault::MessengerSilent).below(2) == 0 {
        return SendOutcome::Unknown;
    }
    world.sent(message);
    if silent {
        return SendOutcome::Unknown;
    }
    SendOutcome::Accepted {
        provider_ids: vec![message.to_string()],
    }
}

async fn record(seat: &Seat, parcel: &Leased<Parcel>, report: Report) -> Input {
    let message = parcel.body.message;
    let id = CommandId::derive(message.as_uuid(), &format!("sent/{}", parcel.attempts));
    let command = Command::RecordSent { message, report };
    match dispatch(seat, Context::new(parcel.tenant, id), &command).await {
        Ok(_) | Err(Failure::Refused(_)) => Input::Recorded,
        Err(Failure::Unavailable | Failure::Append(_)) => Input::NotRecorded,
    }
}

fn finish(world: &mut World, seat: &Seat, parcel: &Leased<Parcel>, ending: &Ending) {
    if !world.store_answers() {
        return;
    }
    let now_ms = world.wall_ms(seat.host);
    let (state, due_ms) = match ending {
        Ending::Done => (ParcelState::Done, None),
        Ending::Retry { after, .. } => {
            let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
            (ParcelState::Waiting, Some(now_ms + after_ms))
        }
        Ending::Failed { .. } => (ParcelState::Failed, None),
        Ending::Unknown => (ParcelState::Unknown, None),
        Ending::LeaseRunsOut => return,
    };
    // A lease that is over by now is somebody else's business.
    let _ = world
        .store
        .outbox
        .end(parcel, due_ms, |row| row.body.state = state);
    world.news.tell(Topics::OUTBOX);
}
