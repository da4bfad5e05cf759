//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage (clap's), 3 a check found something.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use simpul_api::Surface;
use simpul_domain::{EventId, NoticeId, ParcelId, TenantId, UserId, operations::Reason};

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
    /// Messages that a consumer gave up on.
    DeadLetters {
        #[command(subcommand)]
        command: Pile<DeadLetterKey>,
    },
    /// Events that a subscriber could not handle, and those that wait behind them.
    Parked {
        #[command(subcommand)]
        command: Pile<ParkedKey>,
    },
    /// Effects outside, such as messages, that failed or may have happened.
    Parcels {
        #[command(subcommand)]
        command: Pile<ParcelKey>,
    },
    /// Convergences of routers that failed for a reason that waiting does not cure.
    Lanes {
        #[command(subcommand)]
        command: Pile<LaneKey>,
    },
    /// Notices of gateways and messengers that could not have their effect.
    Notices {
        #[command(subcommand)]
        command: Pile<NoticeKey>,
    },
    /// Check what is stored, and keep proof of it.
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
    /// Backups of everything: compressed, encrypted, proved.
    Backup {
        #[command(subcommand)]
        command: Backup,
    },
    /// Make the store from a backup, verify it, and reconcile it with the world outside. Nothing may be running.
    Restore {
        /// As `simpul backup list` names it.
        name: String,
        /// The name of the database, if everything in it may be lost.
        #[arg(long, value_name = "DATABASE")]
        overwrite: Option<String>,
    },
    /// One tenant out of this installation, or into it, as an encrypted file.
    Tenant {
        #[command(subcommand)]
        command: Tenant,
    },
    /// Lose everything on purpose, in a database of its own, and show that the main job works again.
    Drill {
        /// Where the figures are written.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// The keys that sign access tokens, and those that passwords are mixed with.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Users, where there is nobody yet to invite them.
    Users {
        #[command(subcommand)]
        command: Users,
    },
    /// Check that configuration, database, broker and schema fit together.
    Doctor,
    /// Start a session for development, and print its access token.
    Token {
        /// What it is good for.
        #[arg(long, value_enum, default_value_t = Api::Staff)]
        api: Api,
        #[arg(long)]
        tenant: TenantId,
        #[arg(long)]
        user: UserId,
        /// Lifetime in minutes.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
    },
    /// Check the manifest of a client's documents against a schema, and print what each operation costs.
    Documents {
        /// `{"sha256:<hex>": "<document>"}`, as `http.documents` takes it.
        manifest: PathBuf,
        #[arg(long, value_enum, default_value_t = Api::Staff)]
        api: Api,
    },
    /// Print a GraphQL schema.
    Schema {
        #[arg(value_enum, default_value_t = Api::Staff)]
        api: Api,
        /// Compare the committed documents of all APIs and of events with the code instead, and fail if one differs.
        #[arg(long)]
        check: bool,
        /// Write the committed documents of all APIs and of events anew instead.
        #[arg(long, conflicts_with = "check")]
        write: bool,
        /// List what has changed in all APIs since the last release instead, breaking changes first.
        #[arg(long, conflicts_with_all = ["check", "write"])]
        changes: bool,
        /// Write the schemas that the next release is compared with instead. Part of a release.
        #[arg(long, conflicts_with_all = ["check", "write", "changes"])]
        release: bool,
    },
}

/// One of the GraphQL APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Api {
    Staff,
    Portal,
    Platform,
}

impl From<Api> for Surface {
    fn from(api: Api) -> Self {
        match api {
            Api::Staff => Self::Staff,
            Api::Portal => Self::Portal,
            Api::Platform => Self::Platform,
        }
    }
}

/// A part of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// GraphQL, webhooks, health.
    Api,
    /// Read models and snapshots.
    Projector,
    /// Policies.
    Reactor,
    /// Events to RabbitMQ, and its consumers.
    Relay,
    /// Routers, messages, letters, notices.
    Worker,
    /// Timers, and what is made once an hour: anchors, retention.
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

/// See [`Command::Backup`].
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Make one now.
    Make,
    /// Print those that are there, oldest first, one JSON object a line.
    List,
    /// Read one back: its proof, its hash, every byte of its dump. Needs the private key.
    Verify { name: String },
    /// Restore the newest one into a database of its own (`backup.rehearsal_url`), prove it, and throw it away. Needs the private
    /// key; the role `scheduler` does it every week.
    Rehearse,
    /// Remove what the retention does not keep.
    Prune,
}

/// See [`Command::Tenant`].
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Write everything of a tenant at one moment, encrypted for `backup.recipients`. Stop its work here before it goes on
    /// elsewhere.
    Export {
        #[arg(long)]
        tenant: TenantId,
        /// Must not be there yet.
        #[arg(long)]
        file: PathBuf,
    },
    /// Take a tenant in. Refused where it is, or was. Needs the private key (`backup.identity_file`) and the same schema.
    Import {
        #[arg(long)]
        file: PathBuf,
    },
}

/// See [`Command::Keys`].
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Keys {
    /// Make another key; it signs in five minutes, and the one before is believed for another day.
    Rotate,
    /// Print the keys, one JSON object a line.
    List,
    /// Make another pepper for passwords; it is used from the next start on, and those before are needed as long as hashes
    /// have them.
    Pepper,
}

/// See [`Command::Users`].
#[derive(Debug, Subcommand)]
pub enum Users {
    /// Invite an owner of a tenant, or of the platform, whose tenant is its own. Prints the secret with which they
    /// join, and sends nothing.
    Invite {
        #[arg(long)]
        tenant: TenantId,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
    },
}

/// See [`Command::Audit`].
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recompute the hash chain, name the first event that does not fit, and compare with the anchors.
    Verify {
        /// One tenant; all of them if not given.
        #[arg(long)]
        tenant: Option<TenantId>,
        /// The anchors; `audit.anchor_file` if not given.
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
    },
    /// Write a tenant's log as JSON Lines, with what it takes to check it without the database.
    Export {
        #[arg(long)]
        tenant: TenantId,
        /// Recorded at or after this instant (RFC 3339).
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Recorded before this instant.
        #[arg(long)]
        to: Option<DateTime<Utc>>,
        /// Where; standard output if not given.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Check an exported file by itself: every hash, every link, its beginning and its end. Needs no database.
    Check { file: PathBuf },
    /// Write down the heads of all logs, and print the hash of the new line, which is worth keeping elsewhere.
    Anchor {
        /// Where; `audit.anchor_file` if not given.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// What can be done with things that are stuck. They are printed as one JSON object a line.
#[derive(Debug, Subcommand)]
pub enum Pile<K: Args> {
    /// Print what is stuck, at most 500.
    List {
        #[arg(long)]
        tenant: TenantId,
    },
    /// Print one with everything that is known of it.
    Show {
        #[arg(long)]
        tenant: TenantId,
        #[command(flatten)]
        key: K,
    },
    /// Have one tried again. Fails if it is as stuck as before.
    #[command(visible_alias = "replay")]
    Retry {
        #[arg(long)]
        tenant: TenantId,
        #[command(flatten)]
        key: K,
        #[command(flatten)]
        signature: Signature,
    },
    /// Give one up: it never has its effect.
    Discard {
        #[arg(long)]
        tenant: TenantId,
        #[command(flatten)]
        key: K,
        #[command(flatten)]
        signature: Signature,
    },
}

/// Recorded with the act, for ever.
#[derive(Debug, Args)]
pub struct Signature {
    /// Why, in 3 to 500 characters. Names things by their ids, not people.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Reason,
    /// Who does it.
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// One dead letter.
#[derive(Debug, Args)]
pub struct DeadLetterKey {
    /// Who gave up, such as `provisioning`.
    pub consumer: String,
    /// The event in the message.
    pub event: EventId,
}

/// The parked events of one key.
#[derive(Debug, Args)]
pub struct ParkedKey {
    /// Who could not, such as `projection/invoices/v1`.
    pub subscriber: String,
    /// The key that they share.
    pub key: String,
}

/// One parcel.
#[derive(Debug, Args)]
pub struct ParcelKey {
    /// Its id.
    pub id: ParcelId,
}

/// One lane.
#[derive(Debug, Args)]
pub struct LaneKey {
    /// What converges, such as `provisioning`.
    pub lane: String,
    /// What should converge, such as a line's id.
    pub subject: String,
}

/// One notice.
#[derive(Debug, Args)]
pub struct NoticeKey {
    /// Its id.
    pub id: NoticeId,
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
