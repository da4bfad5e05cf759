//! A domain of an operator's own, over HTTP: whom an address leads to, what a token of somebody else is good for there, and
//! what is left of it when the platform takes it away (F30).

use serde_json::{Value, json};
use simpul_domain::TenantId;
use simpul_testkit::{MailOptions, MailServer, MailTls, dns::NameServer};

use crate::{
    saas::people::{OPERATOR_OWNER, PASSWORD, Person},
    world::{Caller, Setting, Way, World, letters_to},
};

const NAME: &str = "tagihan.wifimaju.id";
const DOMAINS: &str = "{ customDomains { status revokedFor } }";
const VIEWER: &str = "{ viewer { tenant { id } } }";

/// An operator with a name of its own, and another operator beside it.
struct Street {
    world: World,
    dns: NameServer,
    platform: Person,
    owner: Person,
    tenant: TenantId,
}

impl Street {
    async fn open() -> Self {
        let mail = MailServer::start(MailOptions {
            tls: MailTls::StartTls,
            ..MailOptions::default()
        })
        .await;
        let dns = NameServer::start();
        let mut environment = letters_to(&mail);
        let named = |name: &str, value: String| (format!("SIMPUL_{name}"), value);
        environment.extend([
            named("EGRESS__NAME_SERVERS", format!("[\"{}\"]", dns.address())),
            // Somebody looks again and again until an address leads nowhere, and signs in wherever it is tried.
            named("LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "100000".to_owned()),
            named("IDENTITY__ATTEMPTS_PER_MINUTE", "1000".to_owned()),
            named("IDENTITY__BCRYPT_COST", "4".to_owned()),
        ]);
        let world = World::begin(Setting {
            environment,
            ..Setting::from(Way::Store)
        })
        .await;
        let platform = Person::platform_owner(&world).await;
        let operator = json!({
            "name": "Wifi Maju", "subdomain": "wifi-maju", "plan": "pro", "ownerName": "Siti Aminah",
            "ownerEmail": OPERATOR_OWNER, "timeZone": "JAKARTA",
        });
        let onboarded = platform
            .tell(&world, "tenantOnboard", "tenant { id }", operator)
            .await;
        let tenant = onboarded["tenant"]["id"].as_str().expect("an id");
        let tenant = tenant.parse().expect("a tenant");
        Self {
            owner: Person::operator_owner(&world, &mail, tenant).await,
            world,
            dns,
            platform,
            tenant,
        }
    }

    /// Asks for the name and has the DNS speak for it.
    async fn prove(&mut self, key: &str) {
        let input = json!({ "name": NAME, "idempotencyKey": key });
        let fields = "domain { id recordName recordText }";
        let asked = self
            .owner
            .tell(&self.world, "customDomainRequest", fields, input)
            .await;
        let text = |field: &str| asked["domain"][field].as_str().expect("a text").to_owned();
        self.dns.says(&text("recordName"), &[&text("recordText")]);
        let input = json!({ "id": text("id"), "idempotencyKey": key });
        self.owner
            .tell(&self.world, "customDomainCheck", "domain { id }", input)
            .await;
        self.owner
            .read_until(&self.world, "the name is proved", DOMAINS, |seen| {
                seen["customDomains"][0]["status"] == "ACTIVE"
            })
            .await;
    }

    /// Asks who somebody is: the status, and the code of the refusal or the tenant.
    async fn who(&self, caller: Caller<'_>) -> (u16, String) {
        let (status, answer) = self.world.ask_at("graphql", caller, VIEWER, json!({})).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        let tenant = &answer["data"]["viewer"]["tenant"]["id"];
        let said = code.as_str().or(tenant.as_str());
        (
            status,
            said.unwrap_or_else(|| unreachable!("{answer}")).to_owned(),
        )
    }

    /// Signs in as the operator's owner at an address: the status, the code of the refusal, and the token.
    async fn sign_in(&self, host: &str, tenant: Option<&str>) -> (u16, Value, Value) {
        let query = "mutation($input: SessionStartInput!) {
            sessionStart(input: $input) { tokens { accessToken } userErrors { code } } }";
        let caller = Caller::Led {
            host,
            tenant,
            token: None,
        };
        let input = json!({ "input": { "email": OPERATOR_OWNER, "password": PASSWORD } });
        let (status, answer) = self.world.ask_at("graphql", caller, query, input).await;
        let token = answer["data"]["sessionStart"]["tokens"]["accessToken"].clone();
        let code = answer["errors"][0]["extensions"]["code"].clone();
        (status, code, token)
    }

    /// What the platform has the operator's domain be.
    async fn rule(&self, mutation: &str, mut input: Value) -> Value {
        input["id"] = json!(self.tenant.to_string());
        input["name"] = json!(NAME);
        let fields = "tenant { revokedDomains { name reason } }";
        let mut ruled = self.platform.tell(&self.world, mutation, fields, input).await;
        ruled["tenant"]["revokedDomains"].take()
    }

    /// Whose addresses the platform sees.
    async fn seen_by_the_platform(&self) -> Value {
        let query = "{ tenantDomains(first: 10) { nodes { name tenantId } } }";
        let mut seen = self.platform.read(&self.world, query).await;
        seen["tenantDomains"]["nodes"].take()
    }
}

const fn with<'a>(host: &'a str, token: &'a str) -> Caller<'a> {
    Caller::Led {
        host,
        tenant: None,
        token: Some(token),
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_leads_to_its_operator_alone() {
    let mut street = Street::open().await;
    let (tenant, other) = (
        street.tenant.to_string(),
        street.world.operator.tenant.to_string(),
    );
    let nobody = (404, json!("NOT_FOUND"), Value::Null);
    assert_eq!(street.sign_in(NAME, None).await, nobody, "not proved yet");
    street.prove("first").await;

    // Whoever has no token yet is asked as somebody of this operator.
    let (status, code, token) = street.sign_in(NAME, None).await;
    assert_eq!((status, code), (200, Value::Null));
    let token = token.as_str().expect("a token");
    let (status, code, _) = street.sign_in(NAME, Some(&tenant)).await;
    assert_eq!((status, code), (200, Value::Null), "that is who is there");
    let mismatch = (403, json!("TENANT_MISMATCH"), Value::Null);
    assert_eq!(street.sign_in(NAME, Some(&other)).await, mismatch);
    // The operator's own token is good there, with a port and in any letters; another operator's is not.
    let foreign = street.world.token();
    for host in [NAME, "Tagihan.WifiMaju.ID:443"] {
        assert_eq!(
            street.who(with(host, token)).await,
            (200, tenant.clone()),
            "{host}"
        );
        let refused = refused(403, "TENANT_MISMATCH");
        assert_eq!(street.who(with(host, foreign)).await, refused, "{host}");
    }
    // Nobody's address is refused, whatever is below it and whoever asks.
    for host in [
        "wifimaju.id",
        "a.tagihan.wifimaju.id",
        "tagihan.wifimaju.id.example",
    ] {
        assert_eq!(street.sign_in(host, None).await, nobody, "{host}");
    }
    assert_eq!(
        street.who(Caller::Bearer(foreign)).await,
        (200, other),
        "at the platform's own address, a token says who asks"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_the_platform_takes_away_leads_nowhere_until_it_is_allowed_and_proved_again() {
    let mut street = Street::open().await;
    let tenant = street.tenant.to_string();
    street.prove("first").await;
    let own = street.owner.token().to_owned();
    assert_eq!(street.who(with(NAME, &own)).await, (200, tenant.clone()));
    let expected = json!([{ "name": NAME, "tenantId": tenant }]);
    assert_eq!(street.seen_by_the_platform().await, expected);

    let revoked = street
        .rule("tenantDomainRevoke", json!({ "reason": "phishing" }))
        .await;
    assert_eq!(revoked, json!([{ "name": NAME, "reason": "phishing" }]));
    let nowhere = refused(403, "TENANT_MISMATCH");
    street
        .world
        .until("the address leads nowhere", async || {
            street.who(with(NAME, &own)).await == nowhere
        })
        .await;
    let nobody = (404, json!("NOT_FOUND"), Value::Null);
    assert_eq!(street.sign_in(NAME, None).await, nobody);
    assert_eq!(street.seen_by_the_platform().await, json!([]));

    // The operator is told why, and does not get it back by asking, though the DNS still speaks for it.
    let seen = street.owner.read(&street.world, DOMAINS).await;
    assert_eq!(
        seen["customDomains"],
        json!([{ "status": "REVOKED", "revokedFor": "phishing" }])
    );
    let owner = Caller::Bearer(&own);
    let again = json!({ "name": NAME, "idempotencyKey": "again" });
    let refused = street
        .world
        .try_to_tell("graphql", owner, "customDomainRequest", "domain { id }", again)
        .await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED_IN_STATE");

    assert_eq!(street.rule("tenantDomainAllow", json!({})).await, json!([]));
    street
        .owner
        .read_until(&street.world, "it may be asked for again", DOMAINS, |seen| {
            seen["customDomains"] == json!([])
        })
        .await;
    street.prove("second").await;
    assert_eq!(street.who(with(NAME, &own)).await, (200, tenant));
}
