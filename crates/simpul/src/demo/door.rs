//! The front door as a client sees it: GraphQL over HTTP with a token.

use anyhow::Context as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::egress::{Egress, Policy};
use url::Url;

/// A client with one token.
#[derive(Debug)]
pub(super) struct Door {
    egress: Egress,
    url: Url,
    token: SecretString,
}

impl Door {
    pub(super) fn new(public_url: &Url, token: SecretString) -> anyhow::Result<Self> {
        Ok(Self {
            egress: Egress::new(Policy::development())?,
            url: public_url.join("graphql")?,
            token,
        })
    }

    /// Asks, and insists on an answer without errors.
    pub(super) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let reply = self
            .egress
            .http()
            .post(self.url.clone())?
            .secret_header(http::header::AUTHORIZATION, "Bearer ", &self.token)?
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await?;
        let answer: Value = reply.json().context("the answer is not JSON")?;
        anyhow::ensure!(answer.get("errors").is_none(), "the API answered {answer}");
        answer
            .get("data")
            .cloned()
            .context("the API answered without data")
    }
}
