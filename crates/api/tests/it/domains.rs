//! A domain of an operator's own, from the request to the front end that is found there: a real name server answers.

use serde_json::{Value, json};
use simpul_adapters::dns::Dns;
use simpul_api::domains::Domains;
use simpul_app::{policies::timer_kind, tenancy::resolve};
use simpul_domain::{CorrelationId, TimerId, policy::TimerKind};
use simpul_event_store::{Cause, Context, inline::timer::Timer};
use simpul_testkit::{dns::NameServer, sql::Session};

use crate::front::Front;

const NAME: &str = "tagihan.wifikayu.id";
const DOMAIN: &str = "domain { id name status recordName recordText }";

struct Street {
    front: Front,
    domains: Domains,
    server: NameServer,
}

impl Street {
    async fn open() -> Self {
        let front = Front::open().await;
        let server = NameServer::start();
        let domains = Domains {
            bus: front.state.bus.clone(),
            dns: Dns::at(&[server.address()]).expect("a resolver"),
        };
        Self {
            front,
            domains,
            server,
        }
    }

    /// Lets the looks happen that are due.
    async fn look(&self) {
        // A look that is ordered later is another one.
        self.front.test.clock().advance(chrono::TimeDelta::seconds(1));
        let tenant = self.front.owner.tenant;
        let mut admin = Session::open(&self.front.test.superuser_url()).await;
        let now = self.front.test.store().now().to_rfc3339();
        let rows: Vec<String> = admin
            .column(&format!(
                "SELECT json_build_array(timer_id, kind, subject, due_at)::text FROM es.timers
                 WHERE tenant_id = '{}' AND kind = 'check_domain' AND due_at <= '{now}'",
                tenant.as_uuid()
            ))
            .await;
        for row in rows {
            let (id, kind, subject, due_at) = serde_json::from_str(&row).expect("a row");
            let timer = Timer {
                id: TimerId::new(id),
                kind,
                subject,
                due_at,
                origin: None,
            };
            let Ok(TimerKind::CheckDomain {
                domain, token, again, ..
            }) = timer_kind(&timer)
            else {
                continue;
            };
            let correlation = CorrelationId::new(timer.id.as_uuid());
            let frame = Context::caused(tenant, "domains", Cause::Timer(timer.id), correlation, 0);
            let looked = self.domains.look(frame, timer.id, domain, (&token, again)).await;
            looked.expect("looked");
        }
    }

    async fn shown(&self) -> Value {
        let query = "{ customDomains { id name status recordName recordText } }";
        let data = self.front.data(self.front.owner, query, json!({})).await;
        data["customDomains"].clone()
    }

    async fn leads(&self) -> bool {
        let found = resolve(&self.front.test.store(), "simpul.test", Some(NAME), None).await;
        found.is_ok_and(|tenant| tenant == Some(self.front.owner.tenant))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_leads_to_its_operator_from_the_proof_until_it_is_given_back() {
    let mut street = Street::open().await;
    let owner = street.front.owner;
    let asked = street
        .front
        .accepted(owner, "customDomainRequest", DOMAIN, json!({ "name": NAME }))
        .await;
    let domain = asked["domain"].clone();
    assert_eq!(domain["status"], "REQUESTED");
    assert_eq!(domain["recordName"], format!("_simpul.{NAME}"));
    street.look().await;
    assert_eq!(street.shown().await[0]["status"], "REQUESTED", "no such record");
    assert!(!street.leads().await);

    let record = format!("_simpul.{NAME}");
    street.server.says(&record, &["of somebody else"]);
    let check = json!({ "id": domain["id"] });
    street
        .front
        .accepted(owner, "customDomainCheck", DOMAIN, check.clone())
        .await;
    street.look().await;
    assert!(!street.leads().await, "another token proves nothing");

    let token = domain["recordText"].as_str().expect("a text").to_owned();
    street.server.says(&record, &["of somebody else", &token]);
    street
        .front
        .accepted(owner, "customDomainCheck", DOMAIN, check.clone())
        .await;
    street.look().await;
    assert_eq!(street.shown().await[0]["status"], "ACTIVE");
    assert!(street.leads().await);

    street.server.fails(&record);
    street
        .front
        .accepted(owner, "customDomainCheck", DOMAIN, check.clone())
        .await;
    street.look().await;
    assert_eq!(
        street.shown().await[0]["status"],
        "ACTIVE",
        "trouble is no answer"
    );

    street
        .front
        .accepted(owner, "customDomainRelease", DOMAIN, check)
        .await;
    assert_eq!(street.shown().await, json!([]));
    assert!(!street.leads().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_cannot_be_ones_own_are_refused_where_they_are_typed() {
    let street = Street::open().await;
    for name in [
        "localhost",
        "127.0.0.1",
        "db.internal",
        "a_b.id",
        "x.hooks.simpul.test",
    ] {
        let refused = street
            .front
            .payload(
                street.front.owner,
                "customDomainRequest",
                DOMAIN,
                json!({ "name": name }),
            )
            .await;
        assert_eq!(refused["userErrors"][0]["code"], "VALIDATION_ERROR", "{name}");
        assert_eq!(
            refused["userErrors"][0]["path"],
            json!(["input", "name"]),
            "{name}"
        );
    }
}
