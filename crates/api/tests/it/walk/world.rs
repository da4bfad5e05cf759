//! Two tenants that have one of everything, and whoever asks for it.
#![expect(clippy::panic, reason = "a test that is set up wrongly says what is missing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use simpul_api::{
    BySurface, Settings, Surface, TrustedDocuments,
    auth::Viewer,
    budget::{Limits, Rate},
};
use simpul_app::{permission, policies::Policies};
use simpul_domain::{TenantId, UserId, tenancy::Feature};
use simpul_event_store::feed::{self, Runner, RunnerSettings};

use super::{
    furnish::{furnish, grant, managed_tenant, permit, sibling},
    schema::Operation,
};
use crate::{
    front::{Front, knock, read},
    surfaces,
};

/// For the first answer of a stream.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) front: Front,
    /// Whose things the others must not get at.
    pub(super) ours: Side,
    neighbour: Side,
    /// Another customer of our tenant.
    sibling: Side,
    operator: Viewer,
}

/// Somebody with one of everything.
pub(super) struct Side {
    pub(super) owner: Viewer,
    /// The customer whose things they are.
    pub(super) customer: Viewer,
    pub(super) things: BTreeMap<&'static str, String>,
}

impl Side {
    /// Whether it is theirs and ours alike.
    pub(super) fn shares(&self, name: &str, id: &str) -> bool {
        self.things.get(name).is_some_and(|own| own == id)
    }

    pub(super) fn thing(&self, name: &str) -> String {
        let id = self.things.get(name);
        id.unwrap_or_else(|| panic!("the world of the walk has no ${name}"))
            .clone()
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.owner.tenant
    }

    pub(super) fn things(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.things.iter().map(|(name, id)| (*name, id.clone()))
    }

    /// An id like that of the thing with another end, of something that nobody has.
    pub(super) fn missing(&self, name: &str, end: &str) -> String {
        let id = self.thing(name);
        let (_, rest) = id.split_once('_').expect("an id has a prefix");
        if rest.len() == 26 {
            return format!("{}{end}", &id[..id.len() - end.len()]);
        }
        self.nobodys(name)
    }

    /// An id like that of the thing, of something that nobody has.
    pub(super) fn nobodys(&self, name: &str) -> String {
        let id = self.thing(name);
        let (prefix, rest) = id.split_once('_').expect("an id has a prefix");
        if rest.len() == 26 {
            return format!("{prefix}_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        }
        // Longer ids are made of texts: another end is another text.
        format!("{prefix}_{}", &rest[..rest.len() - 4])
    }
}

fn settings() -> Settings {
    let plenty = Rate {
        capacity: 10_000_000,
        per_minute: 10_000_000,
    };
    let mut limits = Limits {
        address_requests: plenty,
        user_requests: plenty,
        ..Limits::default()
    };
    for surface in Surface::ALL {
        let points = limits.points.of_mut(surface);
        (points.user, points.tenant, points.operation) = (plenty, plenty, 1_000_000);
    }
    Settings {
        limits,
        ..Settings::default()
    }
}

impl World {
    /// Switches these features of ours on, and the others off.
    pub(super) async fn grant(&self, features: impl Iterator<Item = Feature>) {
        grant(&self.front, self.ours.owner, features).await;
    }

    pub(super) async fn open() -> Self {
        let front = Front::with_settings(settings()).await;
        let neighbour = front.neighbour().await;
        let operator = surfaces::operator(&front).await;
        permit(&front, operator).await;
        let mut ours = furnish(&front, front.owner).await;
        let mut neighbour = furnish(&front, neighbour).await;
        let policies = Policies::new(front.state.bus.clone());
        let mut runner = Runner::reactor(front.test.store(), policies, RunnerSettings::default());
        runner.catch_up(|_| ()).await.expect("caught up");
        for side in [&mut ours, &mut neighbour] {
            grant(&front, side.owner, Feature::ALL.iter().copied()).await;
            side.stick(&front).await;
            side.list(
                &front,
                "message",
                "messages",
                "messages(first: 1) { nodes { id } }",
            )
            .await;
        }
        let sibling = sibling(&front, &ours).await;
        let account = managed_tenant(&front, operator).await;
        ours.things.insert("account", account.to_string());
        let kept = front.state.usage.flush(front.state.store()).await;
        kept.expect("uses of fields are kept");
        Self {
            front,
            ours,
            neighbour,
            sibling,
            operator,
        }
    }

    /// Those who ask for our things and are not us.
    pub(super) fn strangers(&self, surface: Surface) -> Vec<&Side> {
        match surface {
            Surface::Staff => vec![&self.neighbour],
            Surface::Portal => vec![&self.neighbour, &self.sibling],
            Surface::Platform => Vec::new(),
        }
    }

    /// Who acts there for a side.
    pub(super) const fn viewer(&self, surface: Surface, side: &Side) -> Viewer {
        match surface {
            Surface::Staff => side.owner,
            Surface::Portal => side.customer,
            Surface::Platform => self.operator,
        }
    }

    pub(super) fn token(&self, surface: Surface, side: &Side) -> String {
        self.front.token_for(surface, self.viewer(surface, side))
    }

    /// Of somebody who may do nothing.
    pub(super) async fn lowest(&self, surface: Surface) -> String {
        let viewer = match surface {
            Surface::Staff => self.front.colleague(&[]).await,
            // An account that is nobody's.
            Surface::Portal => self.front.colleague(&[permission::PORTAL]).await,
            Surface::Platform => Viewer {
                user: UserId::new(self.front.test.store().ids().next()),
                tenant: TenantId::PLATFORM,
            },
        };
        self.front.token_for(surface, viewer)
    }

    pub(super) async fn head(&self, side: &Side) -> i64 {
        let store = self.front.test.store();
        feed::head(&store, side.owner.tenant).await.expect("a head")
    }

    /// The owner of another tenant.
    pub(super) const fn neighbour(&self) -> Viewer {
        self.neighbour.owner
    }

    /// How far the log of another tenant goes.
    pub(super) async fn neighbours_head(&self) -> i64 {
        self.head(&self.neighbour).await
    }

    /// How far everybody's log goes.
    pub(super) async fn heads(&self) -> [i64; 2] {
        [self.head(&self.ours).await, self.head(&self.neighbour).await]
    }

    /// The nodes of a list with these arguments, a hundred at most, for whoever may see ours.
    pub(super) async fn nodes(
        &self,
        surface: Surface,
        list: &str,
        fields: &str,
        arguments: &str,
    ) -> Vec<Value> {
        let text = format!("query {{ {list}(first: 100, {arguments}) {{ nodes {{ id {fields} }} }} }}");
        let token = self.token(surface, &self.ours);
        let path = surface.path().to_owned();
        let (_, answer) = read(self.send(surface, path, Some(&token), &text).await).await;
        let nodes = answer["data"][list]["nodes"].as_array();
        nodes.unwrap_or_else(|| panic!("{text}: {answer}")).clone()
    }

    /// The status and the body of an answer.
    pub(super) async fn question(&self, surface: Surface, token: &str, text: &str) -> (StatusCode, Value) {
        let path = surface.path().to_owned();
        read(self.send(surface, path, Some(token), text).await).await
    }

    /// Who runs the platform.
    pub(super) const fn operator(&self) -> Viewer {
        self.operator
    }

    /// The answer to an operation; of a stream the first one.
    pub(super) async fn ask(
        &self,
        surface: Surface,
        token: Option<&str>,
        operation: &Operation,
        text: &str,
    ) -> (StatusCode, Value) {
        let path = surface.path();
        let path = if operation.is_stream() {
            format!("{path}/stream")
        } else {
            path.to_owned()
        };
        let response = self.send(surface, path, token, text).await;
        if operation.is_stream() && response.status() == StatusCode::OK {
            return (StatusCode::OK, first_event(response.into_body()).await);
        }
        read(response).await
    }

    async fn send(&self, surface: Surface, path: String, token: Option<&str>, text: &str) -> Response<Body> {
        let mut request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = Body::from(json!({ "query": text }).to_string());
        let request = request.body(body).expect("request");
        match surface {
            // Which documents came with a release is known before the server starts. What a server that ends has taken
            // out of the budgets comes back as time passes.
            Surface::Portal => {
                self.front.test.clock().advance(chrono::TimeDelta::seconds(4));
                knock(&self.front.another_instance(trusting(text)), request).await
            }
            Surface::Staff | Surface::Platform => self.front.send(request).await,
        }
    }
}

/// Of which rows.
pub(super) fn ids<'a>(nodes: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    nodes.into_iter().map(|node| node["id"].to_string()).collect()
}

/// Settings with which a text is one of our own.
pub(crate) fn trusting(text: &str) -> Settings {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut portal = TrustedDocuments::default();
    let manifest = json!({ format!("sha256:{}", hex::encode(digest)): text });
    portal.add(&manifest.to_string()).expect("a manifest");
    Settings {
        documents: BySurface {
            portal,
            ..BySurface::default()
        },
        ..settings()
    }
}

async fn first_event(body: Body) -> Value {
    let mut chunks = body.into_data_stream();
    let chunk = tokio::time::timeout(PATIENCE, chunks.next()).await;
    let chunk = chunk
        .expect("an answer in time")
        .expect("an answer")
        .expect("bytes");
    let text = String::from_utf8(chunk.to_vec()).expect("text");
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap_or_else(|| panic!("no data in {text}"))).expect("JSON")
}
