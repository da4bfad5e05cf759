//! What a tenant takes along. Every table of `es` that has tenants is here or is left behind by name: a test compares both
//! with the database.

/// A table whose rows go along.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub name: &'static str,
    /// Which of the tenant's rows, as SQL; the others stay.
    pub(super) rows: &'static str,
    /// The columns of a row `r` that arrives, in the table's order. JSON has one null for "no value" and for a value that is
    /// null: where a column may hold the second, it says so.
    pub(super) columns: &'static str,
}

const fn some(name: &'static str, rows: &'static str) -> Table {
    let columns = "r.*";
    Table { name, rows, columns }
}

const fn all(name: &'static str) -> Table {
    some(name, "true")
}

/// In the order in which they are written.
pub const CARRIED: &[Table] = &[
    all("tenant_heads"),
    some("events", "true ORDER BY tenant_seq"),
    Table {
        name: "commands",
        rows: "true",
        columns: "r.tenant_id, r.command_id, r.fingerprint, r.first_seq, r.last_seq, coalesce(r.answer, 'null')",
    },
    all("idle_commands"),
    all("claims"),
    all("quotas"),
    all("members"),
    all("counters"),
    all("subject_keys"),
    all("directory"),
    all("access_tenants"),
    all("access_actors"),
    all("credentials"),
    all("api_keys"),
    all("sign_ins"),
    all("timers"),
    all("inbox"),
    // A letter's words stay behind.
    some("outbox", "channel <> 'letter'"),
    all("lanes"),
    all("notices"),
    all("refused_notices"),
    all("dead_letters"),
    all("radius_routers"),
    all("radius_sessions"),
    // Read models are built anew; what acts outside goes on where it stood.
    some("cursors", "subscriber NOT LIKE 'projection/%'"),
    some("parked", "subscriber NOT LIKE 'projection/%'"),
];

/// Tables of which nothing goes along, and why.
pub const LEFT: &[(&str, &str)] = &[
    ("address_strikes", "attackers are the installation's"),
    ("budgets", "empty is full"),
    ("letters", "they bring single-use secrets"),
    ("radius_samples", "what was said here is for disputes here"),
    ("refresh_tokens", "sessions end"),
    ("seats", "connections end"),
    ("sessions", "they are of this installation's keys"),
    ("sign_in_delays", "nobody guesses here"),
    ("snapshots", "a cache"),
    ("tenant_keys", "wrapped anew by the other master key"),
    ("tickets", "single-use secrets are good at one place"),
];
