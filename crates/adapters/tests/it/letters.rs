//! Letters against a real mail server: over every protection, and through every way in which it can fail.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use simpul_adapters::{
    egress::{Egress, Policy},
    mail::{
        Content, Credentials, MAX_TRIES, Mail, Ports, Post, Postman, Security, Settings, Smtp, SmtpSettings,
        Undelivered,
    },
    work_loop::{PortError, Work as _},
};
use simpul_app::operations::RetryStuck;
use simpul_domain::{
    CorrelationId, ParcelId, Sealed, TenantId, UserId,
    identity::LetterKind,
    operations::{Reason, Stuck},
};
use simpul_event_store::{
    Actor, Context, EventStore, Upcasters,
    inline::{
        access::{self, TenantAccess},
        identity::letter::{self, Letter},
        outbox::{self, Leased},
    },
};
use simpul_testkit::{MailFault, MailOptions, MailServer, MailTls, TestDb};
use uuid::Uuid;

const TO: &str = "siti@kayu.example";
/// Of a server that never answers.
const SHORT: Duration = Duration::from_secs(2);

/// Letters that say one thing, to a mail server.
struct Fixed(Post);

impl Ports for Fixed {
    async fn content(&self, parcel: &Leased) -> Result<Content, PortError> {
        Ok(Content::Ready(Box::new(Mail {
            id: parcel.parcel.id,
            from: "Kayu Net".to_owned(),
            to: SecretString::from(TO),
            subject: "Undangan".to_owned(),
            text: SecretString::from("Halo Siti"),
            html: SecretString::from("<p>Halo Siti</p>"),
            at: parcel.parcel.due_at,
        })))
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        self.0.deliver(mail).await
    }
}

fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(9))
}

struct Desk {
    test: TestDb,
    store: EventStore,
    server: MailServer,
    postman: Postman<Fixed>,
}

fn settings(server: &MailServer, security: Security) -> SmtpSettings {
    let ca_pem = std::fs::read(server.certificate()).ok();
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port(),
        security,
        credentials: None,
        from: "no-reply@simpul.example".to_owned(),
        ca_pem,
        timeout: Duration::from_secs(30),
    }
}

fn post(settings: SmtpSettings) -> Post {
    let egress = Egress::new(Policy::production()).expect("a guard");
    Post::Smtp(Box::new(Smtp::new(settings, egress).expect("usable")))
}

impl Desk {
    async fn open(options: MailOptions, timeout: Duration) -> Self {
        let (test, server) = tokio::join!(TestDb::create(), MailServer::start(options));
        let store = test.store();
        let mut tx = store.db().tenant_tx(tenant()).await.expect("tx");
        access::set_tenant(&mut tx, &TenantAccess::default())
            .await
            .expect("a tenant");
        tx.commit().await.expect("commit");
        let settings = SmtpSettings {
            timeout,
            ..settings(&server, Security::None)
        };
        let postman = Postman::new(store.clone(), Fixed(post(settings)), Settings::default());
        Self {
            test,
            store,
            server,
            postman,
        }
    }

    async fn put(&self) -> Uuid {
        let id = self.store.ids().next();
        let letter = Letter {
            id,
            user: UserId::new(Uuid::from_u128(1)),
            kind: LetterKind::Invitation,
            content: Sealed::new("c2VhbGVk".to_owned()),
            made_at: self.store.now(),
            expires_at: self.store.now() + TimeDelta::days(7),
        };
        let mut tx = self.store.db().tenant_tx(tenant()).await.expect("tx");
        letter::put(&mut tx, &letter).await.expect("put");
        tx.commit().await.expect("commit");
        id
    }

    /// Whatever is due now.
    async fn turn(&self) -> usize {
        let letters = self.postman.take(tenant(), 10).await.expect("leased");
        let count = letters.len();
        for letter in letters {
            self.postman.handle(letter).await;
        }
        self.test.clock().advance(TimeDelta::minutes(15));
        count
    }

    async fn state(&self, id: Uuid) -> (String, String) {
        let mut tx = self.store.db().tenant_tx(tenant()).await.expect("tx");
        let status = outbox::status(&mut tx, ParcelId::new(id)).await.expect("read");
        let is_kept = letter::find(&mut tx, id).await.expect("read").is_some();
        tx.commit().await.expect("commit");
        let status = status.expect("a parcel");
        assert_eq!(is_kept, status.state != "done", "what has gone is not kept");
        (status.state, status.last_error.unwrap_or_default())
    }

    async fn try_again(&self, id: Uuid) {
        let command = RetryStuck {
            stuck: Stuck::Parcel {
                parcel: ParcelId::new(id),
            },
            reason: Reason::parse("the server is back").expect("a reason"),
            by: Some("operator".to_owned()),
        };
        let context = Context {
            tenant: tenant(),
            actor: Actor::System("cli"),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(self.store.ids().next()),
            cause: None,
            command_id: self.store.new_command_id(),
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        self.test.bus().dispatch(context, command).await.expect("ordered");
    }
}

// Property 60: a failed e-mail is tried three times, then it is marked failed and waits for a person, who can have it
// sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_a_server_does_not_take_is_tried_three_times_and_then_waits_for_a_person() {
    for (fault, told) in [
        (MailFault::Defer, "the mail server answered 451"),
        (MailFault::Cut, "the connection to the mail server failed"),
        (MailFault::Silent, "the mail server did not answer in time"),
    ] {
        let options = MailOptions {
            fault,
            failures: MAX_TRIES,
            ..MailOptions::default()
        };
        let timeout = match fault {
            MailFault::Silent => SHORT,
            _ => Duration::from_secs(30),
        };
        let desk = Desk::open(options, timeout).await;
        let id = desk.put().await;
        for number in 1..=3 {
            assert_eq!(desk.turn().await, 1, "{fault:?} {number}");
            assert_eq!(desk.server.tries().await, number, "{fault:?}");
        }
        assert_eq!(desk.state(id).await, ("failed".to_owned(), told.to_owned()));
        assert_eq!(desk.turn().await, 0, "{fault:?}: nobody tries by himself");

        desk.try_again(id).await;
        assert_eq!(desk.turn().await, 1);
        assert_eq!(desk.state(id).await.0, "done", "{fault:?}");
        let letters = desk.server.letters().await;
        assert_eq!(letters.len(), 1, "{fault:?}");
        assert_eq!(letters[0].to, TO);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_a_server_refuses_for_good_is_not_offered_again_and_says_why() {
    let options = MailOptions {
        fault: MailFault::Reject,
        failures: 1,
        ..MailOptions::default()
    };
    let desk = Desk::open(options, Duration::from_secs(30)).await;
    let id = desk.put().await;
    assert_eq!(desk.turn().await, 1);
    assert_eq!(desk.turn().await, 0, "another try would be refused too");
    assert_eq!(desk.server.tries().await, 1);
    let told = "the mail server refused it: 550 5.1.1 <…> is nobody";
    assert_eq!(desk.state(id).await, ("failed".to_owned(), told.to_owned()));
    let mut tx = desk.store.db().tenant_tx(tenant()).await.expect("tx");
    let stuck = outbox::stuck(&mut tx, 10).await.expect("read");
    tx.commit().await.expect("commit");
    assert_eq!((stuck.len(), stuck[0].refused), (1, true));
    assert_eq!(
        stuck[0].letter_for,
        Some(Uuid::from_u128(1)),
        "whose address it is"
    );

    // The address was mended at its server.
    desk.try_again(id).await;
    assert_eq!(desk.turn().await, 1);
    assert_eq!(desk.state(id).await.0, "done");
    assert_eq!(desk.server.letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_answer_was_lost_comes_again_as_the_same_letter() {
    let options = MailOptions {
        fault: MailFault::Forget,
        failures: 1,
        ..MailOptions::default()
    };
    let desk = Desk::open(options, Duration::from_secs(30)).await;
    let id = desk.put().await;
    desk.turn().await;
    desk.turn().await;
    assert_eq!(desk.state(id).await.0, "done");
    let name = format!("Message-ID: <{}@simpul.example>", id.simple());
    let letters = desk.server.letters().await;
    assert_eq!(letters.len(), 2);
    assert!(
        letters.iter().all(|letter| letter.message.contains(&name)),
        "{letters:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_worker_dies_is_sent_by_the_next_one() {
    let desk = Desk::open(MailOptions::default(), Duration::from_secs(30)).await;
    let id = desk.put().await;
    let taken = desk.postman.take(tenant(), 10).await.expect("leased");
    let mut tx = desk.store.db().tenant_tx(tenant()).await.expect("tx");
    outbox::begin(&mut tx, &taken[0], 1).await.expect("begun");
    tx.commit().await.expect("commit");
    drop(taken);
    // Nothing is written down any more: the next process finds what is there.
    let other = desk.test.another_store(Upcasters::default());
    let postman = Postman::new(
        other,
        Fixed(post(settings(&desk.server, Security::None))),
        Settings::default(),
    );
    desk.test.clock().advance(TimeDelta::minutes(15));
    let taken = postman.take(tenant(), 10).await.expect("leased");
    assert_eq!((taken.len(), taken[0].begun), (1, 1));
    for letter in taken {
        postman.handle(letter).await;
    }
    assert_eq!(desk.state(id).await.0, "done");
    assert_eq!(desk.server.letters().await.len(), 1);
}

async fn hand_over(
    options: MailOptions,
    with: impl FnOnce(&mut SmtpSettings),
) -> (MailServer, Result<(), String>) {
    let server = MailServer::start(options).await;
    let mut settings = settings(&server, Security::None);
    with(&mut settings);
    let mail = Mail {
        id: Uuid::from_u128(7),
        from: "Kayu Net".to_owned(),
        to: SecretString::from(TO),
        subject: "Café".to_owned(),
        text: SecretString::from("Halo"),
        html: SecretString::from("<p>Halo</p>"),
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let outcome = post(settings).deliver(&mail).await;
    (server, outcome.map_err(|error| error.reason))
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_travel_under_tls_with_a_proof_of_who_sends() {
    for (tls, security) in [
        (MailTls::Implicit, Security::Implicit),
        (MailTls::StartTls, Security::StartTls),
    ] {
        let options = MailOptions {
            tls,
            credentials: Some(("simpul", "rahasia")),
            ..MailOptions::default()
        };
        let speak = |password: &'static str| {
            move |settings: &mut SmtpSettings| {
                settings.security = security;
                settings.credentials = Some(Credentials {
                    user: "simpul".to_owned(),
                    password: SecretString::from(password),
                });
            }
        };
        let (server, sent) = hand_over(options, speak("rahasia")).await;
        assert_eq!(sent, Ok(()), "{tls:?}");
        let letter = server.letter_to(TO, 0).await;
        assert!(letter.encrypted, "{tls:?}");
        assert_eq!(letter.user.as_deref(), Some("simpul"));
        assert!(
            letter.message.contains("Subject: =?utf-8?b?"),
            "{}",
            letter.message
        );

        let (server, sent) = hand_over(options, speak("salah")).await;
        assert_eq!(sent, Err("the mail server answered 535".to_owned()), "{tls:?}");
        assert!(server.letters().await.is_empty());

        // Somebody else's certificate is nobody's.
        let (server, sent) = hand_over(options, |settings| {
            speak("rahasia")(settings);
            settings.ca_pem = None;
        })
        .await;
        assert!(sent.is_err(), "{tls:?}");
        assert!(server.letters().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_nothing_if_tls_is_wanted() {
    for security in [Security::StartTls, Security::Implicit] {
        let (server, sent) = hand_over(MailOptions::default(), |settings| {
            settings.security = security;
            settings.timeout = SHORT;
        })
        .await;
        assert!(sent.is_err(), "{security:?}");
        assert_eq!(server.tries().await, 0, "{security:?}");
    }
}
