//! The front door, asked as a person's program asks, and the gateway's notices.

use http::{HeaderName, HeaderValue, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::tripay::Callback,
};
use tokio::time::Instant;

use super::{PAUSE, World};

const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// Somebody without a token, at this tenant's door.
    Guest(&'a str),
    /// Whoever has this token.
    Bearer(&'a str),
    /// Somebody whom a name led here, and what else they say.
    Led {
        host: &'a str,
        tenant: Option<&'a str>,
        token: Option<&'a str>,
    },
}

impl<'a> Caller<'a> {
    /// The address, the tenant and the token of a request.
    const fn says(self) -> [Option<&'a str>; 3] {
        match self {
            Self::Guest(tenant) => [None, Some(tenant), None],
            Self::Bearer(token) => [None, None, Some(token)],
            Self::Led { host, tenant, token } => [Some(host), tenant, token],
        }
    }
}

impl World {
    /// Asks at a path, again while the server is away or has no time. The status of the answer, and what it says.
    pub(crate) async fn ask_at(
        &self,
        path: &str,
        caller: Caller<'_>,
        query: &str,
        variables: Value,
    ) -> (u16, Value) {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let url = self.address().join(path).expect("a URL");
        let body = json!({ "query": query, "variables": variables });
        let mut last = None;
        let answered = self.in_time(async || {
            let mut request = egress.http().post(url.clone()).expect("allowed");
            let [host, tenant, token] = caller.says();
            for (name, said) in [(header::HOST, host), (TENANT, tenant)] {
                if let Some(said) = said {
                    request = request.header(name, HeaderValue::from_str(said).expect("a header"));
                }
            }
            if let Some(token) = token {
                let token = SecretString::from(token);
                let signed = request.secret_header(header::AUTHORIZATION, "Bearer ", &token);
                request = signed.expect("a header");
            }
            if let Ok(reply) = request.json(&body).send().await {
                last = Some((reply.status, reply.json::<Value>().unwrap_or_default()));
            }
            last.as_ref()
                .is_some_and(|(status, _)| *status < 500 && *status != 429)
        });
        assert!(answered.await, "the front door does not answer {query}: {last:?}");
        last.expect("an answer")
    }

    /// The payload of a mutation that must be accepted.
    pub(crate) async fn tell(
        &self,
        path: &str,
        caller: Caller<'_>,
        mutation: &str,
        fields: &str,
        input: Value,
    ) -> Value {
        let payload = self.try_to_tell(path, caller, mutation, fields, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload}");
        payload
    }

    /// The payload of a mutation that may be refused.
    pub(crate) async fn try_to_tell(
        &self,
        path: &str,
        caller: Caller<'_>,
        mutation: &str,
        fields: &str,
        input: Value,
    ) -> Value {
        let name = mutation[..1].to_uppercase() + &mutation[1..];
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ code message }} }} }}"
        );
        let (_, mut answer) = self.ask_at(path, caller, &query, json!({ "input": input })).await;
        assert!(answer.get("errors").is_none(), "{mutation}: {answer}");
        answer["data"][mutation].take()
    }

    /// Asks the front door once: status and body; nothing of an answer that did not come.
    pub(crate) async fn ask_once(&self, query: &str, variables: &Value) -> (u16, Value) {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let url = self.config.http.public_url.join("graphql").expect("a URL");
        let sent = egress
            .http()
            .post(url)
            .expect("allowed")
            .secret_header(http::header::AUTHORIZATION, "Bearer ", &self.token)
            .expect("a header")
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await;
        sent.map_or((0, Value::Null), |reply| {
            (reply.status, reply.json().unwrap_or_default())
        })
    }

    /// Asks the front door; retried while the server is away. The idempotency key makes that safe.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let since = Instant::now();
        loop {
            let sent = self.ask_once(query, &variables).await;
            if let (200, body) = sent {
                return body;
            }
            self.tend();
            assert!(!self.is_late(since), "the front door does not answer: {sent:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The gateway sends its notice again until it is answered with success.
    pub(crate) async fn notify(&self, callback: &Callback) {
        let since = Instant::now();
        loop {
            let sent = self
                .around
                .tripay
                .send(std::slice::from_ref(callback))
                .await
                .expect("an order");
            if sent.iter().all(|notice| notice.http_status == Some(200)) {
                return;
            }
            self.tend();
            assert!(!self.is_late(since), "the notice is not taken: {sent:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
