//! A stand-in for Tripay: create, detail, list and channels as documented; callbacks signed with the merchant's
//! key, sent when it is told that an order was paid.
//!
//! Over HTTP: `GET /control/orders`, `POST /control/callbacks` (a list of [`Callback`]), `POST /control/faults`
//! (`{"endpoint":"create","fault":{"kind":"lose_answer"},"times":1}`), and a page with one button under
//! `/checkout/{reference}`.

mod api;
mod callback;
mod order;

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use simpul_domain::time::Clock;
use url::Url;

pub use self::{
    callback::{Callback, Delivered, Signature},
    order::Order,
};
use super::{Fault, StandInError, fault::Faults, server::Server};
use crate::{
    egress::{Egress, HttpClient},
    payment::{TripayConfig, tripay::Signer},
};

/// The merchant account that the stand-in knows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub merchant_code: String,
    pub api_key: SecretString,
    pub private_key: SecretString,
}

impl Settings {
    /// Dummy keys, on a free port of this machine.
    pub fn demo() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            merchant_code: "T12345".to_owned(),
            api_key: "DEV-dummy-api-key".into(),
            private_key: "dummy-private-key-0001".into(),
        }
    }
}

/// Where a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    Create,
    Detail,
    List,
    Channels,
}

/// The stand-in knows no such order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such order")]
pub struct NoSuchOrder;

#[derive(Debug, Default)]
struct Books {
    orders: Vec<Order>,
    delivered: Vec<Delivered>,
    faults: Faults<Endpoint>,
}

#[derive(Debug)]
struct Shared {
    merchant_code: String,
    api_key: SecretString,
    signer: Signer,
    clock: Arc<dyn Clock>,
    http: HttpClient,
    books: Mutex<Books>,
    /// Where the pages are; known once the port is.
    origin: std::sync::OnceLock<Url>,
}

/// The running stand-in; it stops when this is dropped.
#[derive(Debug)]
pub struct TripayStandIn {
    shared: Arc<Shared>,
    server: Server,
    settings: Settings,
}

impl TripayStandIn {
    /// `egress` must be in development mode, or no callback reaches this machine.
    pub async fn start(
        settings: Settings,
        clock: Arc<dyn Clock>,
        egress: &Egress,
    ) -> Result<Self, StandInError> {
        let shared = Arc::new(Shared {
            merchant_code: settings.merchant_code.clone(),
            api_key: settings.api_key.clone(),
            signer: Signer::new(settings.merchant_code.clone(), settings.private_key.clone()),
            clock,
            http: egress.http().clone(),
            books: Mutex::default(),
            origin: std::sync::OnceLock::new(),
        });
        let served = Arc::clone(&shared);
        let server = Server::start(settings.listen, |line| api::router(served, line)).await?;
        let origin = server.url("/")?;
        shared.origin.get_or_init(|| origin);
        Ok(Self {
            shared,
            server,
            settings,
        })
    }

    /// What the client needs to talk to this stand-in.
    pub fn client_config(&self) -> Result<TripayConfig, StandInError> {
        Ok(TripayConfig {
            base_url: self.server.url("/api/")?,
            merchant_code: self.settings.merchant_code.clone(),
            api_key: self.settings.api_key.clone(),
            private_key: self.settings.private_key.clone(),
        })
    }

    /// Where the control endpoints are.
    pub fn control_url(&self) -> Result<Url, StandInError> {
        self.server.url("/control/")
    }

    pub fn orders(&self) -> Vec<Order> {
        self.shared.lock().orders.clone()
    }

    /// By reference or merchant reference; of several, the newest.
    pub fn order(&self, name: &str) -> Option<Order> {
        self.shared.order(name)
    }

    /// The payer pays: the order turns PAID and one correct callback goes out.
    pub async fn pay(&self, order: &str) -> Result<Vec<Delivered>, NoSuchOrder> {
        self.send(&[Callback::paid(order)]).await
    }

    /// Sends callbacks one after the other, the copies of each at once, and waits for the answers. The order given
    /// is the order sent, so `[EXPIRED, PAID]` is a late payment and `[PAID, EXPIRED]` a stale notice.
    pub async fn send(&self, callbacks: &[Callback]) -> Result<Vec<Delivered>, NoSuchOrder> {
        self.shared.send_all(callbacks).await
    }

    /// Changes what the status endpoint says, without a callback.
    pub fn set_status(&self, order: &str, status: &str) -> Result<(), NoSuchOrder> {
        self.shared.record(order, status).map(|_| ())
    }

    /// Every callback sent so far and its answer.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.shared.lock().delivered.clone()
    }

    /// The next `times` requests to `endpoint` meet this fault.
    pub fn inject(&self, endpoint: Endpoint, fault: &Fault, times: u16) {
        self.shared.lock().faults.inject(endpoint, fault, times);
    }

    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Refuses connections until [`Self::come_up`].
    pub async fn go_down(&self) {
        self.server.go_down().await;
    }

    /// Listens again on the same port, with the same orders.
    pub async fn come_up(&self) -> Result<(), StandInError> {
        self.server.come_up().await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, name: &str) -> Option<Order> {
        self.lock()
            .orders
            .iter()
            .rev()
            .find(|order| order.reference == name || order.merchant_ref == name)
            .cloned()
    }

    fn checkout_url(&self, order: &Order) -> String {
        let origin = self.origin.get().map(Url::as_str).unwrap_or_default();
        format!("{origin}checkout/{}", order.reference)
    }

    /// The order as it is after taking the status.
    fn record(&self, name: &str, status: &str) -> Result<Order, NoSuchOrder> {
        let now = self.clock.now();
        let mut books = self.lock();
        let named = |order: &&mut Order| order.reference == name || order.merchant_ref == name;
        let order = books.orders.iter_mut().rev().find(named).ok_or(NoSuchOrder)?;
        status.clone_into(&mut order.status);
        if status == "PAID" {
            order.paid_at = Some(now);
        }
        Ok(order.clone())
    }

    async fn send_all(&self, callbacks: &[Callback]) -> Result<Vec<Delivered>, NoSuchOrder> {
        let mut all = Vec::new();
        for callback in callbacks {
            let order = if callback.recorded {
                self.record(&callback.order, &callback.status)?
            } else {
                self.order(&callback.order).ok_or(NoSuchOrder)?
            };
            let copies = (0..callback.copies).map(|_| self.post(callback, &order));
            all.extend(futures_util::future::join_all(copies).await);
        }
        self.lock().delivered.extend(all.iter().cloned());
        Ok(all)
    }

    async fn post(&self, callback: &Callback, order: &Order) -> Delivered {
        let answer = self.try_post(callback, order).await;
        let (http_status, answer) = match answer {
            Ok(reply) => (
                Some(reply.status),
                String::from_utf8_lossy(&reply.body).into_owned(),
            ),
            Err(error) => (None, error),
        };
        Delivered {
            order: order.merchant_ref.clone(),
            status: callback.status.clone(),
            http_status,
            answer,
        }
    }

    async fn try_post(&self, callback: &Callback, order: &Order) -> Result<crate::egress::Reply, String> {
        let rendered = callback
            .render(
                order,
                order.paid_at.unwrap_or_else(|| self.clock.now()),
                &self.signer,
            )
            .map_err(|error| error.to_string())?;
        let url: Url = order
            .callback_url
            .parse()
            .map_err(|error: url::ParseError| error.to_string())?;
        let event = HeaderValue::from_str(&callback.event).map_err(|error| error.to_string())?;
        let mut request = self
            .http
            .post(url)
            .map_err(|refusal| refusal.to_string())?
            .header(HeaderName::from_static("x-callback-event"), event);
        for signature in &rendered.signatures {
            let value = HeaderValue::from_str(signature).map_err(|error| error.to_string())?;
            request = request.header(HeaderName::from_static("x-callback-signature"), value);
        }
        let request = request.body(HeaderValue::from_static("application/json"), rendered.body);
        request.send().await.map_err(|error| error.to_string())
    }
}
