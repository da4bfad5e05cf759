//! The front door as clients meet it: real PostgreSQL, real signatures, no socket.
#![expect(
    clippy::expect_used,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod beginnings;
mod blame;
mod bookmarks;
mod budgets;
mod changes;
mod checkout;
mod crowds;
mod domains;
mod front;
mod health;
mod hooks;
mod hostile;
mod idempotency;
mod identity;
mod isolation;
mod isolir;
mod jobs;
mod late_fees;
mod live;
mod manifests;
mod metering;
mod metrics;
mod operations;
mod owners;
mod plans;
mod proxies;
mod radius;
mod reads;
mod released;
mod rows;
mod saas;
mod schema;
mod sealed;
mod settings;
mod sharing;
mod snapshots;
mod states;
mod story;
mod streams;
mod surfaces;
mod templates;
mod tenants;
mod tokens;
mod transport;
mod usage;
mod versions;
mod walk;
