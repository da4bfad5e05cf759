//! Model = reality: one suite of laws, written over a port, for the simulator's models and for the real servers.
//!
//! Each law drives a port with generated sequences and writes down what it was answered. The port has two sides: a model of
//! [`simpul_sim`], and the product's own code over a real PostgreSQL, a real RabbitMQ or the router that speaks
//! the wire protocol. Both must answer alike: a difference is a bug of the model or of the product, and either way the
//! simulator would have lied.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod accounting;
mod broker;
mod lanes;
mod letters;
mod log;
mod parked;
mod router;
mod sessions;
mod timers;

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use simpul_domain::TenantId;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Generated sequences of each law.
const CASES: u32 = 128;

/// Where laws run: the servers' connections live as long as it does.
struct Court(Runtime);

impl Court {
    fn open() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        Self(runtime.expect("a runtime"))
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }

    /// Runs a law over generated sequences; what fails is made smaller.
    fn for_all<S: Strategy>(&self, strategy: &S, law: impl AsyncFn(S::Value)) {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(strategy, |value| {
            self.wait(law(value));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}

/// Numbers cases, and what else must be new in each.
fn next() -> u128 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A tenant of its own for each case: one database serves them all.
fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(0x1a35_0000_0000_0000 + next()))
}
