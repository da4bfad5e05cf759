//! The story: an operator is onboarded in March, grows by add-ons, is billed in April, reminded, locked out of its panel for
//! what it did not pay, pays through the gateway, and is let in again. Its customers' lines never notice.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use simpul::{demo::surroundings::ROUTER_LOGIN, runtime::SystemClock};
use simpul_domain::{TenantId, time::Clock as _};
use simpul_event_store::{Recorded, crash::Point};
use simpul_testkit::{MailOptions, MailServer, MailTls, OwnClock, OwnPostgres, TestDb};

use super::people::Person;
use crate::world::{Setting, Way, World, letters_to};

pub(super) const USERNAME: &str = "sari@wifi-maju";
/// Where servers are to die on one day of the story, one after the other.
pub(super) type Deaths = fn(day: usize) -> Vec<Point>;

/// How the platform hears that it was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// The gateway's notice comes.
    ByNotice,
    /// The notice is lost; the gateway is asked.
    ByAsking,
}

pub(super) struct Journey {
    pub(super) world: World,
    pub(super) mail: MailServer,
    clock: OwnClock,
    deaths: Deaths,
    day: usize,
    pub(super) platform: Person,
    pub(super) owner: Option<Person>,
    pub(super) tenant: TenantId,
    pub(super) line: String,
    pub(super) customers_bill: String,
    pub(super) bill: String,
    /// Servers follow the clock of their database. It goes last.
    _postgres: OwnPostgres,
}

fn put(clock: &OwnClock, at: &str) {
    let at: DateTime<Utc> = at.parse().expect("an instant");
    clock.set(at - SystemClock.now());
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub(super) fn count(log: &[Recorded], event_type: &str) -> usize {
    log.iter().filter(|event| event.event_type == event_type).count()
}

impl Journey {
    /// The whole story. Whatever it promises on the way is checked on the way.
    pub(super) async fn travel(way: Way, deaths: Deaths, hears: Hears) -> Self {
        let mut journey = Self::set_out(way, deaths).await;
        journey.onboard().await;
        journey.grow().await;
        journey.open_a_line().await;
        journey.on("2027-04-01T00:10:00+07:00").await;
        journey.is_billed().await;
        journey.on("2027-04-12T00:10:00+07:00").await;
        journey.is_reminded("billing.invoice.reminded", 1).await;
        journey.on("2027-04-16T00:10:00+07:00").await;
        journey.is_reminded("billing.invoice.fell_overdue", 1).await;
        journey.on("2027-04-23T00:10:00+07:00").await;
        journey.is_locked().await;
        journey.on("2027-04-26T00:10:00+07:00").await;
        journey.lines_go_on().await;
        let order = journey.checks_out().await;
        match hears {
            Hears::ByNotice => journey.notifies(&order).await,
            Hears::ByAsking => {
                journey.pays_unheard(&order);
                journey.on("2027-04-26T00:20:00+07:00").await;
            }
        }
        journey.is_let_in().await;
        journey
    }

    async fn set_out(way: Way, deaths: Deaths) -> Self {
        let mail = MailServer::start(MailOptions {
            tls: MailTls::StartTls,
            ..MailOptions::default()
        })
        .await;
        let clock = OwnClock::new();
        put(&clock, "2027-03-17T10:00:00+07:00");
        let postgres = OwnPostgres::start_with(clock.clone()).await;
        let mut environment = letters_to(&mail);
        // People sign in on every day of the story, and again when their server died: that is not what takes time here.
        environment.extend(
            [("ATTEMPTS_PER_MINUTE", "1000"), ("BCRYPT_COST", "4")]
                .map(|(name, value)| (format!("SIMPUL_IDENTITY__{name}"), value.to_owned())),
        );
        let world = World::begin(Setting {
            environment,
            db: Some(TestDb::create_on(&postgres).await),
            clock: Some(clock.clone()),
            ..Setting::from(way)
        })
        .await;
        world.confirmed("full", 1).await;
        // Nothing is under way: a message that is being handed over would be one of which nobody knows.
        world.settled().await;
        world.kill();
        world.spawn_to_die(deaths(0));
        Self {
            platform: Person::platform_owner(&world).await,
            world,
            mail,
            clock,
            deaths,
            day: 0,
            owner: None,
            tenant: TenantId::PLATFORM,
            line: String::new(),
            customers_bill: String::new(),
            bill: String::new(),
            _postgres: postgres,
        }
    }

    pub(super) fn owner(&self) -> &Person {
        self.owner.as_ref().expect("onboarded")
    }

    pub(super) async fn platform_log(&self) -> Vec<Recorded> {
        self.world.log_of(TenantId::PLATFORM).await
    }

    /// Another day: when nothing is left to be done, the server goes, and another one lives then.
    async fn on(&mut self, at: &str) {
        self.world.settled().await;
        self.world.kill();
        put(&self.clock, at);
        self.day += 1;
        self.world.spawn_to_die((self.deaths)(self.day));
        self.platform.sign_in(&self.world).await;
        if let Some(owner) = &mut self.owner {
            owner.sign_in(&self.world).await;
        }
    }

    pub(super) async fn govern(&self, mutation: &str, fields: &str, input: Value) -> Value {
        self.platform.tell(&self.world, mutation, fields, input).await
    }

    pub(super) async fn run(&self, mutation: &str, fields: &str, input: Value) -> Value {
        self.owner().tell(&self.world, mutation, fields, input).await
    }

    pub(super) fn router(&self, name: &str, key: &str) -> Value {
        let router = &self.world.around.router;
        let address = router.tls_addr.expect("TLS");
        let sha256 = router.fingerprint.as_ref().expect("a certificate").to_string();
        json!({
            "name": name, "host": address.ip().to_string(), "port": address.port(), "tls": "PINNED", "tlsSha256": sha256,
            "username": ROUTER_LOGIN.0, "password": ROUTER_LOGIN.1, "idempotencyKey": key,
        })
    }

    pub(super) fn row(&self, menu: &str) -> Option<BTreeMap<String, String>> {
        let rows = self.world.around.router.router.rows(menu);
        let mut mine = rows
            .into_iter()
            .filter(|row| row.get("name").is_some_and(|name| name == USERNAME));
        let row = mine.next();
        assert!(mine.next().is_none(), "the router has the line twice in {menu}");
        row
    }

    pub(super) fn is_online(&self) -> bool {
        self.row("/ppp/active").is_some()
    }

    /// Waits for the n-th proof that the router gives the customer this access.
    pub(super) async fn has_access(&self, access: &str, nth: usize) {
        const CONFIRMED: &str = "network.provisioning.confirmed";
        let proofs = |log: &[Recorded]| {
            let is_proof = |event: &&Recorded| {
                event.event_type == CONFIRMED && event.payload.value()[CONFIRMED]["access"] == access
            };
            (log.iter().filter(is_proof).count() >= nth).then_some(())
        };
        self.world.wait_in(self.tenant, access, proofs).await;
    }
}
