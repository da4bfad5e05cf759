//! A tenant whose owner was invited like everybody, and how its people come in.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use serde_json::{Value, json};
use simpul_api::{Settings, Surface, identity::IdentitySettings};
use simpul_domain::TenantId;

use crate::front::{Front, document, read};

pub(crate) const PASSWORD: &str = "kata sandi rahasia";
const TOKENS: &str = "tokens { sessionId userId accessToken refreshToken } challenge";

/// An answer with everything that is looked at.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The code that refused the whole operation.
    pub(crate) fn code(&self) -> &str {
        let code = self.body.pointer("/errors/0/extensions/code");
        code.and_then(Value::as_str).unwrap_or_default()
    }

    /// The payload of a mutation.
    pub(crate) fn payload(&self, mutation: &str) -> &Value {
        assert!(self.body.get("errors").is_none(), "{self:?}");
        &self.body["data"][mutation]
    }

    pub(crate) fn user_error(&self, mutation: &str) -> &str {
        self.payload(mutation)["userErrors"][0]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

/// Somebody who is in.
#[derive(Debug, Clone)]
pub(crate) struct In {
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl In {
    pub(crate) fn of(payload: &Value) -> Self {
        let text = |name: &str| payload["tokens"][name].as_str().unwrap_or_default().to_owned();
        let entered = Self {
            user: text("userId"),
            session: text("sessionId"),
            access: text("accessToken"),
            refresh: text("refreshToken"),
        };
        assert!(!entered.access.is_empty(), "not in: {payload}");
        entered
    }
}

pub(crate) struct House {
    pub(crate) front: Front,
}

impl House {
    pub(crate) async fn open() -> Self {
        let front = Front::with_identity(None, Settings::default(), IdentitySettings::default()).await;
        Self { front }
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.front.owner.tenant
    }

    /// A request, with or without a token, from an address or from nowhere.
    pub(crate) async fn send(
        &self,
        (surface, token, ip): (Surface, Option<&str>, Option<IpAddr>),
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::post(surface.path())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(ip) = ip {
            request = request.extension(ConnectInfo(SocketAddr::from((ip, 4711))));
        }
        let request = request.body(Body::from(body.to_string())).expect("request");
        let response = self.front.send(request).await;
        let headers = response.headers().clone();
        let (status, body) = read(response).await;
        Answer {
            status,
            headers,
            body,
        }
    }

    /// A mutation of somebody without a token.
    pub(crate) async fn enter(&self, mutation: &str, fields: &str, input: Value) -> Answer {
        self.enter_from(None, mutation, fields, input).await
    }

    pub(crate) async fn enter_from(
        &self,
        ip: Option<IpAddr>,
        mutation: &str,
        fields: &str,
        input: Value,
    ) -> Answer {
        let tenant = self.tenant().to_string();
        let body = json!({ "query": document(mutation, fields), "variables": { "input": input } });
        self.send((Surface::Staff, None, ip), &[("x-tenant-id", &tenant)], &body)
            .await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let input = json!({ "email": email, "password": password });
        self.enter("sessionStart", TOKENS, input).await
    }

    pub(crate) async fn signed_in(&self, email: &str) -> In {
        In::of(self.sign_in(email, PASSWORD).await.payload("sessionStart"))
    }

    pub(crate) async fn verify(&self, challenge: &str, code: &str) -> Answer {
        let input = json!({ "challenge": challenge, "code": code });
        self.enter("sessionVerify", TOKENS, input).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let input = json!({ "refreshToken": token });
        let fields = "tokens { sessionId userId accessToken refreshToken }";
        self.enter("sessionRefresh", fields, input).await
    }

    pub(crate) async fn accept(&self, secret: &str, password: &str) -> Answer {
        let input = json!({ "secret": secret, "password": password });
        self.enter("invitationAccept", TOKENS, input).await
    }

    /// An operation with a token.
    pub(crate) async fn ask(&self, token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        self.send((Surface::Staff, Some(token), None), &[], &body).await
    }

    pub(crate) async fn tell(&self, token: &str, mutation: &str, fields: &str, input: Value) -> Answer {
        let query = document(mutation, fields);
        self.ask(token, &query, json!({ "input": input })).await
    }

    /// Somebody with these roles, invited by the owner of the rig, who has joined and is in.
    pub(crate) async fn person(&self, email: &str, roles: &[&str]) -> In {
        let input = json!({ "email": email, "name": "Siti", "roles": roles });
        self.front
            .accepted(self.front.owner, "userInvite", "user { id status }", input)
            .await;
        let secret = self.front.letters.secret(email).await;
        In::of(self.accept(&secret, PASSWORD).await.payload("invitationAccept"))
    }
}
