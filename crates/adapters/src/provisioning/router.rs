//! The machine's effects on a real router, over one connection.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::network::{PppProfile, TlsMode, provisioning::FailureKind};
use simpul_routeros::{
    Client, Error,
    client::{DialError, Endpoint, Login, Options, Query, RouterIdentity, Row, Security, Waiting},
    tls::Fingerprint,
};

use super::{
    Introduction, Reach, Wanted,
    diff::{Actual, Op, Password, SERVICE, Secret, Session},
    listing::{self, COPIED, ISOLIR_LIST, Profile},
};
use crate::egress;

const SECRETS: &str = "/ppp/secret";
const ACTIVE: &str = "/ppp/active";
const LIST: &str = "/ip/firewall/address-list";
const PROFILES: &str = "/ppp/profile";
const SECRET_FIELDS: &[&str] = &[
    ".id",
    "name",
    "service",
    "profile",
    "disabled",
    "remote-address",
    "comment",
    "password",
];
const ACTIVE_FIELDS: &[&str] = &[".id", "name", "session-id", "address", "uptime"];

/// A logged-in router.
#[derive(Debug)]
pub struct Router {
    client: Client,
    pub identity: RouterIdentity,
}

impl Router {
    /// Logs in over a stream that the guard has opened, and asks who it is.
    pub async fn open<S>(
        reach: &Reach,
        dialling: impl Future<Output = Result<S, egress::DialError>>,
    ) -> Result<Self, Error>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let login = Login::new(&reach.username, reach.password.clone());
        let login = if reach.legacy_login { login.legacy() } else { login };
        let options = Options::new(login, security(reach)?);
        let endpoint = Endpoint {
            host: reach.address.host.to_string(),
            port: reach.address.port,
        };
        let client = Client::connect(&endpoint, options, |_| async {
            dialling.await.map_err(dial_error)
        })
        .await?;
        let identity = client.identity().await?;
        Ok(Self { client, identity })
    }

    /// What it says about itself, for the record.
    pub async fn introduction(&self) -> Result<Introduction, Error> {
        Ok(Introduction {
            serial: self.identity.device(),
            name: self.identity.name.clone(),
            version: self.client.capabilities().await?.version.to_string(),
        })
    }

    /// Everything about one subscription, or an error: never a part.
    pub async fn read(&self, wanted: &Wanted) -> Result<Actual, Error> {
        let desired = &wanted.state;
        let secrets = self.secrets(wanted).await?;
        let mut names: Vec<&str> = secrets
            .iter()
            .filter(|secret| secret.comment.contains(&desired.marker))
            .map(|secret| secret.name.as_str())
            .chain([desired.username.as_str()])
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut sessions = Vec::new();
        for name in names {
            let rows = self
                .client
                .print(ACTIVE, ACTIVE_FIELDS, &[Query::equal("name", name)])
                .await?;
            sessions.extend(rows.iter().map(session));
        }
        let (profiles, listed) = match listing::listed_plan(desired) {
            Some(plan) => (self.profiles(plan).await?, self.listed(&sessions).await?),
            None => Default::default(),
        };
        Ok(Actual {
            secrets,
            sessions,
            profiles,
            listed,
        })
    }

    /// A plan's profile and its copy.
    async fn profiles(&self, plan: &PppProfile) -> Result<Vec<Profile>, Error> {
        let fields = [&[".id", "name", "address-list", "comment"][..], &COPIED[..]].concat();
        let query = Query::equal("name", plan.as_str()).or(&Query::equal("name", listing::copy_of(plan)));
        let rows = self.client.print(PROFILES, &fields, &[query]).await?;
        Ok(rows.iter().map(profile).collect())
    }

    /// Which of the sessions' addresses are on the isolir list.
    async fn listed(&self, sessions: &[Session]) -> Result<BTreeSet<String>, Error> {
        let mut listed = BTreeSet::new();
        for session in sessions {
            let entry = [
                Query::equal("list", ISOLIR_LIST),
                Query::equal("address", &session.address),
            ];
            let rows = self.client.print(LIST, &["address", "disabled"], &entry).await?;
            let counts = |row: &Row| !row.flag("disabled").unwrap_or_default();
            if rows.iter().any(counts) {
                listed.insert(session.address.clone());
            }
        }
        Ok(listed)
    }

    /// By name, and by the comments that carry our marker alone: RouterOS does not search inside a text.
    async fn secrets(&self, wanted: &Wanted) -> Result<Vec<Secret>, Error> {
        let desired = &wanted.state;
        let renewing = format!("{} {}", desired.marker, super::diff::RENEW);
        let query = Query::equal("name", desired.username.as_str())
            .or(&Query::equal("comment", &desired.marker))
            .or(&Query::equal("comment", renewing));
        let rows = self.client.print(SECRETS, SECRET_FIELDS, &[query]).await?;
        Ok(rows.iter().map(|row| secret(row, &wanted.password)).collect())
    }

    pub async fn apply(&self, op: &Op, wanted: &Wanted) -> Result<(), Error> {
        match op {
            Op::AddSecret {
                name,
                profile,
                disabled,
                comment,
            } => {
                let fields = [
                    ("name", name.as_str()),
                    ("password", wanted.password.expose_secret()),
                    ("service", SERVICE),
                    ("profile", profile),
                    ("disabled", if *disabled { "yes" } else { "no" }),
                    ("comment", comment),
                ];
                self.client.add(SECRETS, &fields).await.map(drop)
            }
            Op::SetSecret { id, fields } => self.client.set(SECRETS, id, &pairs(fields)).await,
            Op::ClearRemoteAddress { id } => self.client.unset(SECRETS, id, "remote-address").await,
            Op::SetPassword { id } => {
                let fields = [("password", wanted.password.expose_secret())];
                self.client.set(SECRETS, id, &fields).await
            }
            Op::RemoveSecret { id } => self.client.remove_if_present(SECRETS, id).await.map(drop),
            Op::AddProfile { fields } => match self.client.add(PROFILES, &pairs(fields)).await {
                // Another line of the plan was quicker; reading back says whether it is right.
                Ok(_) | Err(Error::AlreadyExists(_)) => Ok(()),
                Err(error) => Err(error),
            },
            Op::SetProfile { id, fields } => self.client.set(PROFILES, id, &pairs(fields)).await,
            Op::ClearProfile { id, field } => self.client.unset(PROFILES, id, field).await,
        }
    }

    /// Ends a session, if its id still means the same one: ids are reused.
    pub async fn kick(&self, session: &Session) -> Result<(), Error> {
        let same = [
            Query::equal(".id", &session.id),
            Query::equal("name", &session.name),
        ];
        let rows = self.client.print(ACTIVE, ACTIVE_FIELDS, &same).await?;
        if rows
            .iter()
            .any(|row| self::session(row).session_id == session.session_id)
        {
            self.client.remove_if_present(ACTIVE, &session.id).await?;
        }
        Ok(())
    }

    /// Frees the session on the router at once.
    pub async fn close(self) {
        // Best effort: the router notices a closed socket as well.
        let _ = self.client.quit().await;
    }
}

fn secret(row: &Row, wanted: &SecretString) -> Secret {
    let shown = row.text("password");
    let password = if shown.bytes().all(|byte| byte == b'*') {
        Password::Hidden
    } else if shown == wanted.expose_secret() {
        Password::Wanted
    } else {
        Password::Other
    };
    Secret {
        id: row.text(".id"),
        name: row.text("name"),
        service: row.text("service"),
        profile: row.text("profile"),
        disabled: row.flag("disabled").unwrap_or_default(),
        remote_address: row.text("remote-address"),
        comment: row.text("comment"),
        password,
    }
}

fn profile(row: &Row) -> Profile {
    let terms = COPIED.into_iter().map(|field| (field, row.text(field)));
    Profile {
        id: row.text(".id"),
        name: row.text("name"),
        address_list: row.text("address-list"),
        comment: row.text("comment"),
        terms: terms.filter(|(_, value)| !value.is_empty()).collect(),
    }
}

fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn session(row: &Row) -> Session {
    Session {
        id: row.text(".id"),
        name: row.text("name"),
        session_id: row.text("session-id"),
        address: row.text("address"),
    }
}

fn security(reach: &Reach) -> Result<Security, Error> {
    match &reach.address.tls {
        TlsMode::Plain => Ok(Security::Plain),
        TlsMode::Pinned { sha256 } => sha256
            .as_str()
            .parse::<Fingerprint>()
            .map(Security::Pinned)
            .map_err(|error| Error::Tls(error.to_string())),
        TlsMode::Verified => Ok(Security::Verified(reach.roots.clone())),
    }
}

fn dial_error(error: egress::DialError) -> DialError {
    match error {
        egress::DialError::Refused(refusal) => DialError::NotAllowed(refusal.to_string()),
        egress::DialError::Resolve(source) => DialError::Dns(source.to_string()),
        egress::DialError::Connect(source) => DialError::Io(source),
        egress::DialError::Timeout => DialError::Io(std::io::ErrorKind::TimedOut.into()),
    }
}

/// What an error means to the operator.
pub(super) fn kind(error: &Error) -> FailureKind {
    match error {
        Error::Refused
        | Error::Unreachable
        | Error::Closed
        | Error::Io(_)
        | Error::Fatal(_)
        | Error::Timeout(Waiting::Connect) => FailureKind::Offline,
        Error::Dns(_) => FailureKind::Dns,
        Error::Tls(_) | Error::PinMismatch(_) => FailureKind::Tls,
        Error::AuthFailed(_) | Error::LegacyLoginNotAllowed => FailureKind::Auth,
        Error::PermissionDenied(_) => FailureKind::Permission,
        Error::NotAllowed(_) => FailureKind::AddressNotAllowed,
        Error::Timeout(_) | Error::Cancelled(_) => FailureKind::Timeout,
        Error::Protocol(_) | Error::AnswerTooLong { .. } | Error::Encode(_) => FailureKind::Protocol,
        Error::NotKept { .. } => FailureKind::ReadBackDiffers,
        Error::AlreadyExists(_)
        | Error::NotFound(_)
        | Error::Unsupported(_)
        | Error::BadReference(_)
        | Error::BadArgument(_)
        | Error::Rejected(_)
        | Error::NotOurs { .. } => FailureKind::Refused,
    }
}

/// Whether the router itself is in trouble, so that its circuit counts the failure.
pub(super) const fn is_routers(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Offline
        | FailureKind::Dns
        | FailureKind::Tls
        | FailureKind::Auth
        | FailureKind::Timeout
        | FailureKind::Protocol
        | FailureKind::AddressNotAllowed
        | FailureKind::WrongRouter => true,
        FailureKind::Permission | FailureKind::Refused | FailureKind::ReadBackDiffers => false,
    }
}
