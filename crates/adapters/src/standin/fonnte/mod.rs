//! A stand-in for Fonnte: takes messages, keeps a journal of them, and sends delivery reports when told to.
//!
//! Over HTTP: `GET /journal` (a JSON list of [`Sent`]), `POST /control/faults`
//! (`{"fault":{"kind":"status","status":429},"times":1}`), `POST /control/device` (`{"connected":false}`) and
//! `POST /control/reports` (a list of [`Report`]).

mod api;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use simpul_domain::customers::{PhoneError, PhoneNumber};
use url::Url;

use super::{Fault, StandInError, fault::Faults, server::Server};
use crate::{
    egress::{Egress, HttpClient},
    messaging::FonnteConfig,
};

/// The device that the stand-in knows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub token: SecretString,
    pub device: PhoneNumber,
    /// Where delivery reports go.
    pub webhook: Option<Url>,
}

impl Settings {
    /// A dummy token and number, on a free port of this machine.
    pub fn demo() -> Result<Self, PhoneError> {
        Ok(Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: "dummy-device-token".into(),
            device: PhoneNumber::parse("6281111111111")?,
            webhook: None,
        })
    }
}

/// One message that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub id: String,
    /// As given: digits with country code.
    pub target: String,
    pub message: String,
    pub connect_only: bool,
}

/// A delivery report to send. The words are Fonnte's: `status` of the queue, `state` at the recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    pub id: Option<String>,
    pub stateid: Option<String>,
    pub status: Option<String>,
    pub state: Option<String>,
}

/// Why a report was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("no webhook is set")]
    NoWebhook,
    #[error(transparent)]
    Http(#[from] crate::egress::HttpError),
}

#[derive(Debug)]
struct Desk {
    journal: Vec<Sent>,
    faults: Faults<Endpoint>,
    connected: bool,
    unregistered: BTreeSet<String>,
    webhook: Option<Url>,
}

/// Only sending fails on command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Endpoint;

#[derive(Debug)]
struct Shared {
    token: SecretString,
    device: PhoneNumber,
    http: HttpClient,
    desk: Mutex<Desk>,
}

/// The running stand-in; it stops when this is dropped.
#[derive(Debug)]
pub struct FonnteStandIn {
    shared: Arc<Shared>,
    server: Server,
}

impl FonnteStandIn {
    /// `egress` must be in development mode, or no report reaches this machine.
    pub async fn start(settings: Settings, egress: &Egress) -> Result<Self, StandInError> {
        let desk = Desk {
            journal: Vec::new(),
            faults: Faults::default(),
            connected: true,
            unregistered: BTreeSet::new(),
            webhook: settings.webhook,
        };
        let shared = Arc::new(Shared {
            token: settings.token,
            device: settings.device,
            http: egress.http().clone(),
            desk: Mutex::new(desk),
        });
        let served = Arc::clone(&shared);
        let server = Server::start(settings.listen, |line| api::router(served, line)).await?;
        Ok(Self { shared, server })
    }

    /// What the client needs to talk to this stand-in.
    pub fn client_config(&self) -> Result<FonnteConfig, StandInError> {
        Ok(FonnteConfig {
            base_url: self.server.url("/")?,
            token: self.shared.token.clone(),
            device: self.shared.device.clone(),
        })
    }

    /// Every message taken so far, oldest first.
    pub fn journal(&self) -> Vec<Sent> {
        self.shared.lock().journal.clone()
    }

    /// The next `times` messages meet this fault. [`Fault::Refuse`] answers HTTP 200 with `status: false`.
    pub fn inject(&self, fault: &Fault, times: u16) {
        self.shared.lock().faults.inject(Endpoint, fault, times);
    }

    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Whether the phone is online; `connectOnly` messages are refused while it is not.
    pub fn set_connected(&self, connected: bool) {
        self.shared.lock().connected = connected;
    }

    /// From now on the number is not on the messenger.
    pub fn unregister(&self, number: &PhoneNumber) {
        self.shared.lock().unregistered.insert(number.digits().to_owned());
    }

    pub fn set_webhook(&self, webhook: Url) {
        self.shared.lock().webhook = Some(webhook);
    }

    /// Sends a delivery report and gives the webhook's HTTP status.
    pub async fn report(&self, report: &Report) -> Result<u16, ReportError> {
        self.shared.report(report).await
    }

    /// Refuses connections until [`Self::come_up`].
    pub async fn go_down(&self) {
        self.server.go_down().await;
    }

    /// Listens again on the same port, with the same journal.
    pub async fn come_up(&self) -> Result<(), StandInError> {
        self.server.come_up().await
    }

    /// Where `/journal` and the control endpoints are.
    pub fn url(&self) -> Result<Url, StandInError> {
        self.server.url("/")
    }
}

#[derive(Serialize)]
struct ReportBody<'a> {
    device: &'a str,
    #[serde(flatten)]
    report: &'a Report,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn report(&self, report: &Report) -> Result<u16, ReportError> {
        let webhook = self.lock().webhook.clone().ok_or(ReportError::NoWebhook)?;
        let body = ReportBody {
            device: self.device.digits(),
            report,
        };
        let request = self.http.post(webhook).map_err(crate::egress::HttpError::from)?;
        Ok(request.json(&body).send().await?.status)
    }
}
