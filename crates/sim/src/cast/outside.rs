//! The people and companies around the product: operators, payers, a gateway that reports, modems that dial.

use std::{cell::RefCell, rc::Rc};

use chrono::Days;
use simpul_domain::{
    CommandId, CustomerId, InvoiceId, RouterId, Rupiah, ServicePlanId, SubscriptionId, TenantId,
    billing::gateway::Observation, catalog::PlanTerms, network::PppProfile,
};

use super::{
    api,
    command::{Answer, Change, Command, Context, Failure, OpenLine, Planned, Receipt},
};
use crate::{
    faults::Fault,
    model::gateway::{GivenBack, Paid},
    news::Topics,
    rng::Rng,
    stage::Seat,
    world::{HostId, World},
};

/// How long a client waits for an answer before it asks again.
const PATIENCE_MS: u64 = 30_000;
pub(super) const HOUR_MS: u64 = 3_600_000;

/// One service line and its people.
#[derive(Debug, Clone)]
pub struct Household {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub router: RouterId,
    pub username: String,
    pub profiles: Vec<PppProfile>,
    /// How many things happen to it.
    pub happenings: u64,
}

impl Household {
    fn terms(&self, plan: usize) -> Option<PlanTerms> {
        let profile = self.profiles.get(plan % self.profiles.len().max(1))?.clone();
        let price = 100_000 + 50_000 * i64::try_from(plan).ok()?;
        Some(PlanTerms {
            plan: ServicePlanId::derive(self.tenant.as_uuid(), profile.as_str()),
            name: profile.to_string(),
            download_kbps: 10_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(price).ok()?,
            profile,
        })
    }
}

/// Asks the product for something until there is an answer; nothing when it was refused.
pub(super) async fn request(seat: &Seat, tenant: TenantId, command: Command) -> Option<Answer> {
    let id = CommandId::new(seat.with(World::new_uuid));
    let context = Context::new(tenant, id);
    let command = Rc::new(command);
    let answer = loop {
        let Some(host) = seat.with(World::some_host) else {
            seat.news(1_000).await;
            continue;
        };
        match ask(seat, host, context, &command).await {
            Some(Ok(receipt)) => break Some(receipt.answer),
            Some(Err(Failure::Refused(_))) => break None,
            Some(Err(_)) => seat.sleep(500).await,
            None => {}
        }
    };
    seat.with(|world| {
        if answer.is_some() {
            world.books.acknowledged.push((tenant, id));
        }
    });
    answer
}

/// One try of a request; nothing when the answer did not come.
async fn ask(
    seat: &Seat,
    host: HostId,
    context: Context,
    command: &Rc<Command>,
) -> Option<Result<Receipt, Failure>> {
    let command = Rc::clone(command);
    let serve = move |seat: Seat| async move { api::serve(&seat, context, &command).await };
    call(seat, host, "request", serve).await
}

/// Has a process serve somebody; nothing when its answer did not come in time, or was lost.
pub(super) async fn call<T: 'static, F: Future<Output = T>>(
    seat: &Seat,
    host: HostId,
    name: &'static str,
    serve: impl FnOnce(Seat) -> F + 'static,
) -> Option<T> {
    let slot: Rc<RefCell<Option<T>>> = Rc::default();
    let answer = Rc::clone(&slot);
    let life = seat.with(|world| world.holder(Some(host)));
    seat.spawn_on(name, Some(host), |seat| async move {
        let served = serve(seat.clone()).await;
        *answer.borrow_mut() = Some(served);
        seat.with(|world| world.news.tell(Topics::PEOPLE));
    });
    let patience_ms = seat.now_ms() + PATIENCE_MS;
    loop {
        if let Some(served) = slot.borrow_mut().take() {
            let lost = seat.with(|world| world.swarm.strikes(Fault::AnswerLost));
            return (!lost).then_some(served);
        }
        let given_up = seat.with(|world| {
            world.mono_ms >= patience_ms || world.holder(Some(host)) != life || world.is_down(host)
        });
        if given_up {
            return None;
        }
        seat.news(patience_ms - seat.now_ms()).await;
    }
}

/// The life of one service line.
pub async fn live(seat: Seat, home: Household, rng: Rng) {
    seat.with(|world| world.households += 1);
    go_through(&seat, &home, rng).await;
    seat.with(|world| world.households -= 1);
}

async fn go_through(seat: &Seat, home: &Household, mut rng: Rng) {
    let Some(terms) = home.terms(0) else { return };
    let open = OpenLine {
        customer: home.customer,
        router: home.router,
        username: home.username.clone(),
        terms,
    };
    let change = |change| Command::Line(home.subscription, change);
    request(seat, home.tenant, change(Change::Open(Box::new(open)))).await;
    request(seat, home.tenant, change(Change::Activate)).await;
    let mut bills: Vec<InvoiceId> = Vec::new();
    let mut issued = 0;
    for number in 0..home.happenings {
        happen(seat, home, &mut rng, number, &mut bills, &mut issued).await;
        let hours = rng.below(30);
        if hours > 0 {
            seat.sleep(hours * HOUR_MS).await;
        }
    }
}

/// Somebody who wants a line, is told when there is no room, and moves away again.
pub async fn apply(seat: Seat, home: Household, mut rng: Rng) {
    seat.with(|world| world.households += 1);
    seat.sleep(rng.below(60) * 500).await;
    let change = |change| Command::Line(home.subscription, change);
    for _ in 0..home.happenings {
        let Some(terms) = home.terms(0) else { break };
        let open = OpenLine {
            customer: home.customer,
            router: home.router,
            username: home.username.clone(),
            terms,
        };
        let opened = request(&seat, home.tenant, change(Change::Open(Box::new(open)))).await;
        let ms = (1 + rng.below(20)) * HOUR_MS;
        seat.sleep(ms).await;
        if opened.is_some() {
            request(&seat, home.tenant, change(Change::Terminate)).await;
            break;
        }
        seat.with(|world| world.books.counts.refused += 1);
    }
    seat.with(|world| world.households -= 1);
}

async fn happen(
    seat: &Seat,
    home: &Household,
    rng: &mut Rng,
    number: u64,
    bills: &mut Vec<InvoiceId>,
    issued: &mut u64,
) {
    let (tenant, line) = (home.tenant, home.subscription);
    match rng.below(14) {
        0..=3 => {
            let Some(due_on) = due_date(seat, tenant, rng, issued) else {
                return;
            };
            let issue = Command::Issue {
                subscription: line,
                due_on,
            };
            if let Some(Answer::Invoice(invoice)) = request(seat, tenant, issue).await {
                bills.push(invoice);
            }
        }
        4..=7 if !bills.is_empty() => {
            let invoice = bills[rng.index(bills.len())];
            pay(seat, tenant, invoice, rng).await;
        }
        8 if !bills.is_empty() => {
            let invoice = bills[rng.index(bills.len())];
            request(seat, tenant, Command::Void(invoice)).await;
        }
        9..=13 => {
            if let Some(change) = change(home, rng, number) {
                request(seat, tenant, Command::Line(line, change)).await;
            }
        }
        _ => {}
    }
}

/// What somebody wants of the line.
fn change(home: &Household, rng: &mut Rng, number: u64) -> Option<Change> {
    Some(match rng.below(7) {
        0 => Change::Suspend,
        1 => Change::Resume,
        2 => Change::Stop,
        3 | 4 => Change::Activate,
        5 => Change::ToPlan(home.terms(rng.index(3))?),
        _ => Change::ToSecret(format!("{}/{}", home.username, number + 1)),
    })
}

/// A due date soon, and another one every time.
fn due_date(seat: &Seat, tenant: TenantId, rng: &mut Rng, issued: &mut u64) -> Option<chrono::NaiveDate> {
    *issued += 1;
    let days = rng.below(3) + *issued;
    seat.with(|world| {
        let zone = world.operator(tenant)?.zone;
        zone.date_at(world.wall(None)).checked_add_days(Days::new(days))
    })
}

async fn pay(seat: &Seat, tenant: TenantId, invoice: InvoiceId, rng: &mut Rng) {
    let open = Command::OpenCheckout {
        invoice,
        gateway: api::gateway_of(tenant),
        payer_fee: Rupiah::try_new(4_250).unwrap_or_default(),
    };
    let Some(Answer::Planned(plan)) = request(seat, tenant, open).await else {
        return;
    };
    if rng.below(8) == 0 {
        return;
    }
    let late = seat.with(|world| world.swarm.strikes(Fault::PaidLate));
    let late_ms = if late { (25 + rng.below(36)) * HOUR_MS } else { 0 };
    seat.sleep(rng.below(120) * 1_000 + late_ms).await;
    // Whoever was not shown a checkout cannot pay it, unless the gateway opened it and nobody was told.
    seat.with(|world| paid(world, tenant, &plan));
}

fn paid(world: &mut World, tenant: TenantId, plan: &Planned) {
    let Some(order) = world.gateway.find(plan.merchant_ref.as_str()).cloned() else {
        return;
    };
    let Ok(expected) = order.amount.add(order.payer_fee) else {
        return;
    };
    let mut gross = expected;
    if world.swarm.strikes(Fault::WrongAmount) {
        let off = i64::try_from(world.swarm.numbers(Fault::WrongAmount).between(1, 80_000)).unwrap_or(1);
        let more = world.swarm.numbers(Fault::WrongAmount).below(2) == 0;
        let other = Rupiah::try_new(if more {
            gross.get() + off
        } else {
            (gross.get() - off).max(1)
        });
        gross = other.unwrap_or(gross);
    }
    let again = world.swarm.strikes(Fault::PaidAgain);
    let lost = world.swarm.strikes(Fault::NoticeLost);
    report(
        world,
        lost,
        Paid {
            tenant,
            order_ref: order.order_ref.clone(),
            provider_ref: order.provider_ref.clone(),
            gross,
            payer_fee: order.payer_fee,
            given_back: GivenBack::Nothing,
        },
    );
    if again {
        let provider_ref = world.gateway.new_ref();
        let again = Paid {
            tenant,
            order_ref: order.order_ref.clone(),
            provider_ref,
            gross: expected,
            payer_fee: order.payer_fee,
            given_back: GivenBack::Nothing,
        };
        report(world, false, again);
    }
    if world.swarm.strikes(Fault::ForeignMoney) {
        let provider_ref = world.gateway.new_ref();
        let order_ref = format!("F{provider_ref}");
        let foreign = Paid {
            tenant,
            order_ref,
            provider_ref,
            gross: expected,
            payer_fee: Rupiah::ZERO,
            given_back: GivenBack::Nothing,
        };
        report(world, false, foreign);
    }
}

/// Money is paid, and the gateway says so, unless the notice is `lost`. It may be given back, in one part or more.
fn report(world: &mut World, lost: bool, mut paid: Paid) {
    world.note("paid", paid.gross.get().unsigned_abs(), || {
        paid.provider_ref.clone()
    });
    world.gateway.pay(paid.clone());
    if lost {
        world.books.counts.lost_notices += 1;
    } else {
        send(world, &paid, 0);
    }
    while world.swarm.strikes(Fault::GivenBack) {
        let Some(given_back) = more_given_back(world, &paid) else {
            break;
        };
        paid.given_back = given_back;
        world.note("given back", 0, || {
            format!("{given_back:?} of {}", paid.provider_ref)
        });
        world.gateway.give_back(&paid.provider_ref, given_back);
        let later_ms = world.swarm.numbers(Fault::GivenBack).below(72 * HOUR_MS);
        send(world, &paid, later_ms);
    }
    world.news.tell(Topics::PEOPLE);
}

/// What is given back next, if there is anything left.
fn more_given_back(world: &mut World, paid: &Paid) -> Option<GivenBack> {
    let before = match paid.given_back {
        GivenBack::Nothing => 0,
        GivenBack::Part(part) => part.get(),
        GivenBack::All | GivenBack::ByBank => return None,
    };
    let left = u64::try_from(paid.gross.get() - before).ok()?;
    let numbers = world.swarm.numbers(Fault::GivenBack);
    Some(match numbers.below(4) {
        0 => GivenBack::All,
        1 => GivenBack::ByBank,
        _ if left > 1 => {
            let more = i64::try_from(numbers.between(1, left - 1)).ok()?;
            GivenBack::Part(Rupiah::try_new(before + more).ok()?)
        }
        _ => return None,
    })
}

fn send(world: &mut World, paid: &Paid, later_ms: u64) {
    let mut due_ms = world.mono_ms + 1_000 + later_ms;
    if world.swarm.strikes(Fault::NoticeLate) {
        due_ms += world
            .swarm
            .numbers(Fault::NoticeLate)
            .between(60_000, 48 * HOUR_MS);
    }
    let mut repeats = 0;
    if world.swarm.strikes(Fault::NoticeRepeated) {
        repeats = world.swarm.numbers(Fault::NoticeRepeated).between(1, 3);
    }
    world.gateway.notify(paid, due_ms, repeats);
}

/// The gateway sends each notice until it is taken, and sometimes again.
pub async fn gateway(seat: Seat) {
    loop {
        let next = seat.with(|world| {
            let due = world
                .gateway
                .notices
                .iter()
                .enumerate()
                .min_by_key(|(_, notice)| notice.due_ms);
            due.map(|(index, notice)| (index, notice.due_ms, notice.tenant, notice.observation.clone()))
        });
        let Some((index, due_ms, tenant, observation)) = next else {
            seat.look_again(1, Topics::PEOPLE).await;
            continue;
        };
        let now_ms = seat.now_ms();
        if due_ms > now_ms {
            seat.news(due_ms - now_ms).await;
            continue;
        }
        let taken = notify(&seat, tenant, observation).await;
        seat.with(|world| {
            let now_ms = world.mono_ms;
            let notice = &mut world.gateway.notices[index];
            match (taken, notice.repeats) {
                (true, 0) => {
                    world.gateway.notices.remove(index);
                    world.news.tell(Topics::PEOPLE);
                }
                (true, _) => {
                    notice.repeats -= 1;
                    notice.due_ms = now_ms + 20_000;
                }
                (false, _) => notice.due_ms = now_ms + 60_000,
            }
        });
    }
}

/// Sends one notice; whether it was answered with 2xx.
async fn notify(seat: &Seat, tenant: TenantId, observation: Observation) -> bool {
    let Some(host) = seat.with(World::some_host) else {
        return false;
    };
    let serve = move |seat: Seat| async move { api::hook(&seat, tenant, observation).await };
    call(seat, host, "hook", serve).await.unwrap_or(false)
}

/// Modems dial whenever they have no session.
pub async fn modems(seat: Seat) {
    loop {
        seat.with(|world| {
            for router in world.routers.values_mut() {
                router.dial_in();
            }
        });
        seat.look_again(5_000, Topics::ROUTERS).await;
    }
}
