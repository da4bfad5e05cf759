//! The targets of SPEC section 19, and which figures speak of each.

/// Which way a figure must lie.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// The measured value itself, in the unit of its file.
    Below(f64),
    AtLeast(f64),
    /// Ours by the peer's, from the file's ratio.
    RatioAtLeast(f64),
    /// The same of what is better when it is lower: the file's ratio is the peer's by ours then.
    CostAtMost(f64),
}

/// A figure that speaks of a target: the file below `target/`, and how the figure's name begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) file: &'static str,
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
}

/// One promise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) wanted: &'static str,
    pub(crate) figures: &'static [Figure],
}

const fn figure(file: &'static str, name: &'static str, bound: Bound) -> Figure {
    Figure { file, name, bound }
}

const fn target(what: &'static str, wanted: &'static str, figures: &'static [Figure]) -> Target {
    Target {
        what,
        wanted,
        figures,
    }
}

use Bound::{AtLeast, Below, CostAtMost, RatioAtLeast};

/// Every row of the section, halves of a row by themselves, in its order, with what a list may cost behind the other
/// figures of GraphQL; then RPO and RTO of section 17.
pub(crate) const ALL: &[Target] = &[
    target(
        "GraphQL command, p95 at 50 concurrent",
        "< 50 ms",
        &[figure(
            "graphql",
            "command that answers with what it wrote, 50 clients, p95",
            Below(50.0),
        )],
    ),
    target(
        "read-your-writes included",
        "< 50 ms",
        &[figure(
            "graphql",
            "query with the command's token, 50 clients, p95",
            Below(50.0),
        )],
    ),
    target(
        "GraphQL query p95 on 1M vouchers + 100k customers",
        "< 50 ms",
        &[],
    ),
    target(
        "GraphQL list of 100 rows, CPU by plain axum's",
        "≤ 1.5 ×",
        &[figure(
            "graphql",
            "list of 100, CPU against plain axum",
            CostAtMost(1.5),
        )],
    ),
    target(
        "GraphQL list of 100 rows, CPU by mercurius' with its JIT and the same guard",
        "< 0.6 ×",
        &[figure(
            "graphql",
            "list of 100, CPU against mercurius + JIT with the same guard",
            CostAtMost(0.6),
        )],
    ),
    target(
        "RADIUS auth through FreeRADIUS",
        "≥ 1 × FreeRADIUS with its own SQL module",
        &[],
    ),
    target(
        "accounting through FreeRADIUS",
        "≥ 3,000 packets/s, none lost with PostgreSQL restarts",
        &[figure(
            "accounting",
            "accounting through FreeRADIUS",
            AtLeast(3_000.0),
        )],
    ),
    target(
        "accounting straight at our endpoint",
        "≥ 20,000 packets/s",
        &[figure(
            "accounting",
            "accounting straight at our endpoint",
            AtLeast(20_000.0),
        )],
    ),
    target(
        "append, batches of 100 events, by a bare INSERT",
        "≥ 0.8 ×",
        &[figure(
            "append",
            "append 100 × 4 writers, bare INSERT",
            RatioAtLeast(0.8),
        )],
    ),
    target(
        "append, batches of 100 events, by stock postgres-es",
        "≥ 3 ×",
        &[figure(
            "append",
            "append 100 × 4 writers, stock postgres-es",
            RatioAtLeast(3.0),
        )],
    ),
    target(
        "append, single-event commands over 50 tenants, by stock postgres-es",
        "≥ 0.9 ×",
        &[figure(
            "append",
            "load + append 1 × 16 clients, 50 tenants, stock",
            RatioAtLeast(0.9),
        )],
    ),
    target(
        "replay: read with decode",
        "≥ 100,000 events/s",
        &[figure("replay", "feed of 50,000 events", AtLeast(100_000.0))],
    ),
    target(
        "rebuild: exactly once into a read model",
        "≥ 80,000 events/s",
        &[figure(
            "project",
            "project 100,000 events, one SQL statement",
            AtLeast(80_000.0),
        )],
    ),
    target(
        "event → read model p99",
        "< 50 ms",
        &[figure("lag", "event to read model at 500/s, p99", Below(50.0))],
    ),
    target(
        "event → GraphQL subscriber p99",
        "< 200 ms",
        &[figure(
            "graphql",
            "event to subscriber, 1,000 sockets, p99",
            Below(200.0),
        )],
    ),
    target("voucher batch, 35,000 codes", "< 1 s", &[]),
    target("voucher batch, 100,000 codes", "< 3 s", &[]),
    target(
        "invoice run, 100,000 subscriptions, resumable",
        "< 30 s",
        &[figure(
            "invoices",
            "invoice run of 100,000 subscriptions",
            Below(30.0),
        )],
    ),
    target(
        "isolir on 5,000 subscribers over 10 routers, to confirmed",
        "< 60 s",
        &[figure(
            "isolir",
            "isolir of 5,000 lines on 10 routers",
            Below(60.0),
        )],
    ),
    target(
        "paid → online, p95 with the router up",
        "< 5 s",
        &[figure("paid", "paid to online, p95", Below(5.0))],
    ),
    target(
        "memory, idle",
        "< 200 MB",
        &[figure("graphql", "memory idle", Below(200.0))],
    ),
    target(
        "memory at the loads above",
        "< 1,000 MB",
        &[figure("graphql", "memory with 1,000 sockets", Below(1_000.0))],
    ),
    target(
        "RPO, restore drill",
        "< 3,600 s",
        &[figure("drill", "rpo_seconds", Below(3_600.0))],
    ),
    target(
        "RTO, restore drill",
        "< 14,400 s",
        &[figure("drill", "rto_seconds", Below(14_400.0))],
    ),
];
