//! The story with servers that die wherever they pass between two steps, one after the other, on every day of it: the end is
//! the one of a story that nobody disturbed.
//!
//! A story has a few points that it dies at, in the order in which work passes them; on another day it begins with another
//! one, so that each comes first somewhere. What is compared leaves out sessions and sign-ins: a sign-in whose answer died
//! with its server is done again by the person, and is another session. Letters are told apart by whom they are to.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use simpul_domain::TenantId;
use simpul_event_store::crash::Point;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};

use super::journey::{Deaths, Hears, Journey};
use crate::{ending::Ending, jobs, world::Way};

/// Events and read models of a person's own sign-ins.
const SIGN_INS: &[&str] = &["identity."];
const SIGN_IN_MODELS: &[&str] = &["rm_sessions", "rm_sign_ins", "rm_users"];

/// Begins with another one each day.
fn turned(points: &[Point], day: usize) -> Vec<Point> {
    let mut points = points.to_vec();
    let by = day % points.len();
    points.rotate_left(by);
    points
}

const COMMANDS: &[Point] = &[
    Point::CommandDecided,
    Point::CommandAppended,
    Point::CommandCommitted,
];
const FOLLOWERS: &[Point] = &[
    Point::ProjectorApplied,
    Point::ProjectorCommitted,
    Point::ReactorReacted,
    Point::ReactorCommitted,
];
const LANES: &[Point] = &[
    Point::ConsumerHandled,
    Point::ConsumerCommitted,
    Point::LaneLeased,
    Point::LaneRead,
    Point::LaneApplied,
    Point::LaneKicked,
    Point::LaneProved,
    Point::LaneRecorded,
];
const TIMERS: &[Point] = &[Point::TimerLeased, Point::TimerCarriedOut];
const ISOLIRS: &[Point] = &[
    Point::IsolirDecided,
    Point::IsolirCommitted,
    Point::UnisolirDecided,
    Point::UnisolirCommitted,
];
const PARCELS: &[Point] = &[
    Point::ParcelPlanned,
    Point::ParcelLeased,
    Point::ParcelBegun,
    Point::ParcelSent,
    Point::ParcelRecorded,
];
const RELAY: &[Point] = &[
    Point::RelayPublished,
    Point::RelayConfirmed,
    Point::ConsumerHandled,
    Point::ConsumerCommitted,
];

const CHECKOUTS: &[Point] = &[Point::AttemptPlanned, Point::AttemptAsked];
/// A checkout whose server died after it had asked is recorded on another way, so this story has none of those.
const NOTICES: &[Point] = &[
    Point::AttemptRecorded,
    Point::NoticeProven,
    Point::NoticeStored,
    Point::NoticeLeased,
    Point::NoticeBooked,
];
const POLLS: &[Point] = &[Point::PollAnswered];

/// The day on which the operator pays.
const PAYDAY: usize = 5;

fn on_payday(points: &[Point], day: usize) -> Vec<Point> {
    if day == PAYDAY {
        points.to_vec()
    } else {
        Vec::new()
    }
}

/// A message that its server died with is not sent again, so each has one place to die at after that.
fn parcels(day: usize) -> Vec<Point> {
    match day {
        1 => vec![Point::ParcelRecorded],
        2 => vec![Point::ParcelSent],
        3 => vec![Point::ParcelPlanned, Point::ParcelLeased, Point::ParcelBegun],
        _ => vec![Point::ParcelPlanned, Point::ParcelLeased, Point::ParcelRecorded],
    }
}

/// Stories told side by side.
const TOGETHER: usize = 2;

struct Story {
    name: &'static str,
    way: Way,
    points: &'static [Point],
    deaths: Deaths,
    hears: Hears,
}

fn stories() -> Vec<Story> {
    let story = |name, points, deaths| Story {
        name,
        way: Way::Store,
        points,
        deaths,
        hears: Hears::ByNotice,
    };
    vec![
        story("commands", COMMANDS, |day| turned(COMMANDS, day)),
        story("followers", FOLLOWERS, |day| turned(FOLLOWERS, day)),
        story("lanes", LANES, |_| LANES.to_vec()),
        story("timers", TIMERS, |day| turned(TIMERS, day)),
        story("isolirs", ISOLIRS, |_| ISOLIRS.to_vec()),
        story("parcels", PARCELS, parcels),
        story("checkouts", CHECKOUTS, |day| on_payday(CHECKOUTS, day)),
        story("notices", NOTICES, |day| on_payday(NOTICES, day)),
        Story {
            hears: Hears::ByAsking,
            // The first question comes a minute later, which may be before the clock is put on.
            ..story("polls", POLLS, |day| on_payday(POLLS, day.min(PAYDAY)))
        },
        Story {
            way: Way::Broker,
            ..story("relay", RELAY, |day| turned(RELAY, day))
        },
    ]
}

async fn tell(way: Way, deaths: Deaths, hears: Hears) -> (Ending, Vec<Point>) {
    let journey = Journey::travel(way, deaths, hears).await;
    let world = &journey.world;
    let logs = [TenantId::PLATFORM, journey.tenant, world.operator.tenant];
    let ending = world.ending_of(&logs).await;
    (ending.without(SIGN_INS, SIGN_IN_MODELS), world.died_at())
}

async fn check(story: Story, undisturbed: Ending) {
    let (ending, died_at) = Box::pin(tell(story.way, story.deaths, story.hears)).await;
    let places: BTreeSet<Point> = died_at.iter().copied().collect();
    let missed: Vec<&Point> = story
        .points
        .iter()
        .filter(|point| !places.contains(point))
        .collect();
    assert!(missed.is_empty(), "{} was never at {missed:?}", story.name);
    // As in the main job: a message that was being handed over when the server died is known to be unknown, and is not
    // sent again.
    let (unknown, lost) = (ending.unknown(), undisturbed.messages() - ending.messages());
    assert!(
        lost <= unknown && unknown <= died_at.len(),
        "{lost} lost, {unknown} unknown"
    );
    assert_eq!(
        ending.with_every_message(undisturbed.messages()),
        undisturbed,
        "{} dies at {died_at:?}",
        story.name
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_die_between_any_two_steps_bill_lock_and_let_in_an_operator_once() {
    let (undisturbed, _) = Box::pin(tell(Way::Store, |_| Vec::new(), Hears::ByNotice)).await;
    let room = Arc::new(Semaphore::new(TOGETHER));
    let mut running = JoinSet::new();
    let mut names = HashMap::new();
    for story in stories() {
        let (name, undisturbed, room) = (story.name, undisturbed.clone(), Arc::clone(&room));
        let told = running.spawn_blocking(move || {
            Handle::current().block_on(async {
                let _place = room.acquire_owned().await.expect("open");
                check(story, undisturbed).await;
            });
        });
        names.insert(told.id(), name);
    }
    let mut broken = Vec::new();
    while let Some(ended) = running.join_next_with_id().await {
        if let Err(error) = ended {
            broken.push(names[&error.id()]);
        }
    }
    assert_eq!(
        broken,
        Vec::<&str>::new(),
        "stories whose end a death has changed; see above"
    );
}

#[test]
fn every_point_has_its_story() {
    let told: BTreeSet<Point> = stories().iter().flat_map(|story| story.points).copied().collect();
    let told: BTreeSet<Point> = told.into_iter().chain(jobs::POINTS.iter().copied()).collect();
    let all: BTreeSet<Point> = Point::ALL.iter().copied().collect();
    let left_out: Vec<&Point> = all.difference(&told).collect();
    assert_eq!(left_out, Vec::<&Point>::new());
}
