//! The main job with the server killed between any two steps: the end is the one of a job that nobody disturbed.
//!
//! Each point of the closed list is armed twice, for the way into the isolir and for the way out of it; a server that
//! does not die there fails the test. It is started again, as an init system would.

use std::sync::Arc;

use simpul_adapters::standin::tripay::Callback;
use simpul_event_store::crash::Point;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};

use crate::{
    ending::Ending,
    world::{Way, World},
};

/// Stories told side by side.
const TOGETHER: usize = 4;

/// Where a point is passed.
#[derive(Debug, Clone, Copy)]
struct Passed {
    /// From an active line to an isolated one with an open checkout.
    isolating: bool,
    /// From the payer's payment to the receipt.
    paying: bool,
}

const fn passed(point: Point) -> Passed {
    let (isolating, paying) = match point {
        Point::NoticeProven
        | Point::NoticeStored
        | Point::NoticeLeased
        | Point::NoticeBooked
        | Point::UnisolirDecided
        | Point::UnisolirCommitted => (false, true),
        Point::TimerLeased
        | Point::TimerCarriedOut
        | Point::IsolirDecided
        | Point::IsolirCommitted
        | Point::AttemptPlanned
        | Point::AttemptAsked
        | Point::AttemptRecorded => (true, false),
        // The story's notice comes before the first question, and it has no job (`jobs.rs`).
        Point::PollAnswered | Point::JobItemDone => (false, false),
        Point::CommandDecided
        | Point::CommandAppended
        | Point::CommandCommitted
        | Point::ProjectorApplied
        | Point::ProjectorCommitted
        | Point::ReactorReacted
        | Point::ReactorCommitted
        | Point::RelayPublished
        | Point::RelayConfirmed
        | Point::ConsumerHandled
        | Point::ConsumerCommitted
        | Point::LaneLeased
        | Point::LaneRead
        | Point::LaneApplied
        | Point::LaneKicked
        | Point::LaneProved
        | Point::LaneRecorded
        | Point::ParcelPlanned
        | Point::ParcelLeased
        | Point::ParcelBegun
        | Point::ParcelSent
        | Point::ParcelRecorded => (true, true),
    };
    Passed { isolating, paying }
}

const fn needs_a_broker(point: Point) -> bool {
    matches!(point, Point::RelayPublished | Point::RelayConfirmed)
}

async fn tell(way: Way, point: Option<Point>) -> (Ending, u32) {
    let passed = point.map(passed);
    let world = World::start_armed(
        way,
        point.filter(|_| passed.is_some_and(|passed| passed.isolating)),
    )
    .await;
    let order = world.isolated_and_about_to_pay().await;
    if let Some(Passed { isolating, paying }) = passed {
        assert_eq!(world.deaths(), u32::from(isolating), "deaths while isolating");
        world.kill();
        world.spawn(point.filter(|_| paying));
    }
    world.notify(&Callback::paid(&order)).await;
    world.confirmed("full", 2).await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    let ending = world.ending().await;
    if let Some(Passed { isolating, paying }) = passed {
        assert_eq!(world.deaths(), u32::from(isolating) + u32::from(paying), "deaths");
    }
    world.assert_paid_and_online().await;
    (ending, world.deaths())
}

async fn check(way: Way, point: Point, undisturbed: Ending) {
    let (ending, deaths) = tell(way, Some(point)).await;
    let deaths = usize::try_from(deaths).expect("few");
    // The messenger knows no idempotency keys: a message that was being handed over when the server died, one at a time,
    // is written down as unknown and never repeated.
    let (unknown, lost) = (ending.unknown(), undisturbed.messages() - ending.messages());
    let at_most_one_each = unknown <= deaths && lost <= unknown;
    let as_it_must = match point {
        Point::ParcelBegun => lost == deaths,
        Point::ParcelSent => unknown == deaths && lost == 0,
        _ => at_most_one_each,
    };
    assert!(
        at_most_one_each && as_it_must,
        "{unknown} unknown, {lost} lost in {deaths} deaths"
    );
    assert_eq!(ending.with_every_message(undisturbed.messages()), undisturbed);
}

async fn sweep(way: Way) {
    let (undisturbed, _) = tell(way.clone(), None).await;
    let room = Arc::new(Semaphore::new(TOGETHER));
    let mut stories = JoinSet::new();
    let mut told = std::collections::HashMap::new();
    for point in Point::ALL {
        if needs_a_broker(*point) && matches!(way, Way::Store) {
            continue;
        }
        let (way, undisturbed, room) = (way.clone(), undisturbed.clone(), Arc::clone(&room));
        let story = stories.spawn_blocking(move || {
            Handle::current().block_on(async {
                let _place = room.acquire_owned().await.expect("open");
                check(way, *point, undisturbed).await;
            });
        });
        told.insert(story.id(), point.name());
    }
    let mut broken = Vec::new();
    while let Some(ended) = stories.join_next_with_id().await {
        if let Err(error) = ended {
            broken.push(told[&error.id()]);
        }
    }
    assert_eq!(
        broken,
        Vec::<&str>::new(),
        "points at which a death changes the end; see above"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_any_two_steps_ends_the_job_once_straight_from_the_store() {
    sweep(Way::Store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_any_two_steps_ends_the_job_once_over_the_broker() {
    sweep(Way::Broker).await;
}
