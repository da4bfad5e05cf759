//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage (clap's), 3 a check found something.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use simpul_domain::{TenantId, UserId};

/// Event-sourced platform that runs internet providers.
#[derive(Debug, Parser)]
#[command(name = "simpul", version, arg_required_else_help = true)]
pub struct Cli {
    /// Configuration file; `simpul.toml` in the current folder if it is there.
    #[arg(long, global = true, env = "SIMPUL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine with simulators and stand-ins, and a demo operator.
    Dev,
    /// Show the main job from end to end: an unpaid customer pays and is back online, with proof.
    Demo {
        /// Stop after the job instead of leaving the server running.
        #[arg(long)]
        once: bool,
        /// Without RabbitMQ: consumers read straight from the store.
        #[arg(long)]
        embedded: bool,
    },
    /// Run the product.
    Serve {
        /// Which parts to run here; all of them if not given.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Change the schema of the database.
    Migrate {
        #[command(subcommand)]
        direction: Direction,
    },
    /// Look at stored events.
    Events {
        #[command(subcommand)]
        command: Events,
    },
    /// Build a read model anew beside the live one, then swap.
    Rebuild {
        /// Name of the projection, such as `invoices`.
        projection: String,
        /// Swap back to the version before instead.
        #[arg(long)]
        roll_back: bool,
    },
    /// Check what is stored.
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Run a router that speaks the real RouterOS API protocol.
    RouterSim {
        /// Port of the plain API; 0 takes a free one.
        #[arg(long, default_value_t = 8728)]
        port: u16,
        /// Port of the API with TLS; 0 takes a free one.
        #[arg(long, default_value_t = 8729)]
        tls_port: u16,
        /// Port of the control line (`help` lists its words); off if not given.
        #[arg(long)]
        control_port: Option<u16>,
        /// Which RouterOS it is.
        #[arg(long, value_enum, default_value_t = RouterOs::V7)]
        version: RouterOs,
        /// Password of the user `api`.
        #[arg(long, default_value = "rahasia")]
        password: String,
    },
    /// Check that configuration, database, broker and schema fit together.
    Doctor,
    /// Mint an access token for development.
    Token {
        #[arg(long)]
        tenant: TenantId,
        #[arg(long)]
        user: UserId,
        /// Lifetime in minutes.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
    },
    /// Print the GraphQL schema of the staff API.
    Schema {
        /// Compare with `schema.graphql` instead, and fail if it differs.
        #[arg(long)]
        check: bool,
    },
}

/// A part of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// GraphQL, webhooks, health.
    Api,
    /// Read models.
    Projector,
    /// Policies.
    Reactor,
    /// Events to RabbitMQ, and its consumers.
    Relay,
    /// Routers, messages, notices.
    Worker,
    /// Timers.
    Scheduler,
}

impl Role {
    /// Every part.
    pub const ALL: &'static [Self] = &[
        Self::Api,
        Self::Projector,
        Self::Reactor,
        Self::Relay,
        Self::Worker,
        Self::Scheduler,
    ];
}

/// See [`Command::Migrate`].
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Direction {
    /// Apply what is missing.
    Up,
    /// Undo.
    Down {
        /// The last migration to keep; 0 undoes all.
        #[arg(long)]
        to: i64,
    },
}

/// See [`Command::Events`].
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Print a tenant's events as they are stored, one JSON object a line.
    Tail {
        #[arg(long)]
        tenant: TenantId,
        /// Begin after this position.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// Stop at the end of the log instead of waiting for more.
        #[arg(long)]
        once: bool,
    },
    /// Print one stream.
    Show {
        #[arg(long)]
        tenant: TenantId,
        /// Stored name of the aggregate, such as `billing.invoice`.
        aggregate: String,
        /// Its id.
        id: String,
    },
}

/// See [`Command::Audit`].
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recompute the hash chain and name the first event that does not fit.
    Verify {
        /// One tenant; all of them if not given.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
}

/// Versions that the simulator can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RouterOs {
    /// 6.42: login by challenge.
    V6Legacy,
    /// 6.49.
    V6,
    /// 7.18: says `!empty`.
    V7,
}
