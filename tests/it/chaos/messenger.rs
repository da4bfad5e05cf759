//! The messenger throttles, fails, and accepts without saying so.

use std::collections::BTreeSet;

use simpul_adapters::standin::{Fault, tripay::Callback};
use simpul_chaos::history::{History, Told, Verdict};

use super::{Trial, keep};
use crate::world::{Way, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_messenger_that_fails_in_every_way_sends_nothing_twice_and_stops_nothing_else() {
    let trial = Trial::of("messenger", "a_messenger_that_fails_in_every_way");
    let mut rng = trial.rng();
    let world = World::start(Way::Store).await;
    let mut faults = [
        Fault::Status { status: 429 },
        Fault::Status { status: 503 },
        Fault::LoseAnswer,
        Fault::Rubbish,
        Fault::Slow { delay_ms: 300 },
    ];
    rng.shuffle(&mut faults);
    for fault in &faults {
        world.around.fonnte.inject(fault, 1);
    }
    let order = world.isolated_and_about_to_pay().await;
    world.notify(&Callback::paid(&order)).await;
    // Nothing twice, and the line is online, whatever became of the messages.
    world.assert_paid_and_online().await;
    let history = History::default();
    let journal = world.around.fonnte.journal();
    let texts: BTreeSet<&str> = journal.iter().map(|sent| sent.message.as_str()).collect();
    assert_eq!(texts.len(), journal.len(), "somebody got a message twice");
    let mut found = std::collections::BTreeMap::new();
    for sent in &journal {
        history.record(&sent.message, history.now(), Told::Ok);
        *found.entry(sent.message.clone()).or_default() += 1;
    }
    keep(&trial.outcome(Verdict::of(&history, &found), faults.len()));
}
