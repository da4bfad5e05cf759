//! Which letters are written: for whatever happens to users, exactly those that the tenant's rules ask for.

use std::net::IpAddr;

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use simpul_app::{
    Personal,
    identity::{
        emails::{ConfirmEmailChange, RequestEmailChange},
        invitations::{Handover, Invitation, InviteAgain, InviteUser, JoinUser},
        letters::{self, Content, News},
        rules::ChangeSignInRules,
        secret,
        sessions::StartSession,
    },
};
use simpul_domain::{
    CorrelationId, SessionId, TenantId, UserId,
    identity::{BuiltInRole, LetterKind, SignInMethod, SignInTerms, UserKind},
    tenancy::Entitlements,
};
use simpul_event_store::{
    Actor, Command, Context,
    inline::identity::{SecretHash, letter},
};
use simpul_testkit::sql::Session;
use uuid::Uuid;

use crate::rig::{Answer, Rig};

/// What happens to one user who has joined.
#[derive(Debug, Clone, Copy)]
enum Step {
    InviteAnother,
    InviteThemAgain,
    SignIn(u8),
    ChangeAddress,
    Rules(bool, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::InviteAnother),
        1 => Just(Step::InviteThemAgain),
        3 => (0_u8..3).prop_map(Step::SignIn),
        2 => Just(Step::ChangeAddress),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(device, address)| Step::Rules(device, address)),
    ];
    prop::collection::vec(step, 1..7)
}

struct Staff<'r> {
    rig: &'r Rig,
    tenant: TenantId,
    user: UserId,
    invited: Option<UserId>,
    email: String,
    count: u32,
    devices: std::collections::BTreeSet<u8>,
    terms: SignInTerms,
    expected: Vec<(LetterKind, String)>,
}

/// Letters that are to go, opened.
pub(crate) async fn waiting(rig: &Rig, tenant: TenantId) -> Vec<(LetterKind, Content)> {
    let store = rig.store();
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let ids: Vec<Uuid> = admin
        .column(&format!(
            "SELECT l.letter_id FROM es.letters l JOIN es.outbox o USING (tenant_id)
             WHERE tenant_id = '{}' AND o.outbox_id = l.letter_id AND o.channel = 'letter' AND o.state = 'waiting'
             ORDER BY l.letter_id",
            tenant.as_uuid()
        ))
        .await;
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    let mut opened = Vec::new();
    for id in ids {
        let letter = letter::find(&mut tx, id).await.expect("read").expect("there");
        let content = letters::open(store, &mut tx, &letter).await.expect("opened");
        opened.push((letter.kind, content));
    }
    tx.commit().await.expect("commit");
    opened
}

impl Staff<'_> {
    async fn by_system<C: Command<Refusal = simpul_app::Refusal>>(&self, command: C) -> Answer<C::Answer> {
        self.rig.ask(self.tenant, Actor::System("test"), command).await
    }

    fn address(&mut self) -> String {
        self.count += 1;
        format!("u{}@kayu.example", self.count)
    }

    async fn invite(&mut self) -> UserId {
        let email = self.address();
        let invitation = Invitation {
            email: Personal::new(&email),
            name: Personal::new("Siti"),
            kind: UserKind::Staff,
            roles: [BuiltInRole::Viewer.into()].into(),
            handover: Handover::Letter,
        };
        let user = self.by_system(InviteUser { invitation }).await.expect("invited");
        self.expected.push((LetterKind::Invitation, email.clone()));
        self.email = email;
        user
    }

    async fn letters(&self) -> Vec<(LetterKind, Content)> {
        waiting(self.rig, self.tenant).await
    }

    async fn newest(&self, kind: LetterKind) -> SecretHash {
        let letters = self.letters().await;
        let newest = letters
            .iter()
            .rev()
            .find(|(of, _)| *of == kind)
            .expect("a letter");
        let text = newest.1.secret.as_ref().expect("a ticket");
        secret::hash(text.as_str())
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::InviteAnother => {
                let own = self.email.clone();
                self.invited = Some(self.invite().await);
                self.email = own;
            }
            Step::InviteThemAgain => {
                let Some(user) = self.invited else { return };
                self.by_system(InviteAgain { user }).await.expect("invited again");
                let mut newest = self.expected.iter().rev();
                let earlier = newest.find(|(kind, _)| *kind == LetterKind::Invitation);
                let to = earlier.expect("an invitation").1.clone();
                self.expected.push((LetterKind::Invitation, to));
            }
            Step::SignIn(device) => self.sign_in(device).await,
            Step::ChangeAddress => {
                let (before, email) = (self.email.clone(), self.address());
                let request = RequestEmailChange {
                    user: self.user,
                    email: Personal::new(&email),
                };
                self.by_system(request).await.expect("requested");
                self.expected.push((LetterKind::EmailChange, email.clone()));
                let ticket = self.newest(LetterKind::EmailChange).await;
                self.by_system(ConfirmEmailChange { ticket })
                    .await
                    .expect("confirmed");
                if self.terms.warns_of_new_address {
                    self.expected.push((LetterKind::EmailChanged, before));
                }
                self.email = email;
            }
            Step::Rules(device, address) => {
                self.terms.warns_of_new_devices = device;
                self.terms.warns_of_new_address = address;
                let terms = self.terms;
                self.by_system(ChangeSignInRules { terms })
                    .await
                    .expect("changed");
            }
        }
    }

    async fn sign_in(&mut self, device: u8) {
        let store = self.rig.store();
        let command_id = store.new_command_id();
        let context = Context {
            tenant: self.tenant,
            actor: Actor::User(self.user),
            impersonator: None,
            ip: Some(IpAddr::from([203, 0, 113, device])),
            user_agent: Some(format!("program {device}")),
            request_id: None,
            correlation: CorrelationId::new(command_id.as_uuid()),
            cause: None,
            command_id,
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        let start = StartSession {
            session: SessionId::new(store.ids().next()),
            user: self.user,
            method: SignInMethod::Password,
            impersonator: None,
            impersonator_session: None,
            lifetime_seconds: 3_600,
            refresh: None,
        };
        self.rig.bus.dispatch(context, start).await.expect("in");
        let had_any = !self.devices.is_empty();
        if self.devices.insert(device) && had_any && self.terms.warns_of_new_devices {
            self.expected.push((LetterKind::NewDevice, self.email.clone()));
        }
    }
}

// Property 59: configured events send their e-mail: one letter each, to the right address, and no other.
#[tokio::test]
async fn what_happens_to_users_is_told_by_exactly_the_letters_that_are_configured() {
    let rig = Rig::new().await;
    let tenant = rig.found("kayu-net", Entitlements::unlimited()).await;
    let mut runner = TestRunner::deterministic();
    let mut staff = Staff {
        rig: &rig,
        tenant,
        user: UserId::new(Uuid::nil()),
        invited: None,
        email: String::new(),
        count: 0,
        devices: [].into(),
        terms: SignInTerms::default(),
        expected: Vec::new(),
    };
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    for case in 0..100 {
        staff.invited = None;
        staff.devices.clear();
        staff.user = staff.invite().await;
        let ticket = staff.newest(LetterKind::Invitation).await;
        let password = Personal::new("hash");
        rig.ask(tenant, Actor::User(staff.user), JoinUser { ticket, password })
            .await
            .expect("joined");
        let story = steps().new_tree(&mut runner).expect("generated").current();
        for step in &story {
            staff.take(*step).await;
        }
        let written = staff.letters().await;
        let mut written: Vec<(LetterKind, String)> = written
            .into_iter()
            .map(|(kind, content)| (kind, content.to.as_str().to_owned()))
            .collect();
        let mut expected = std::mem::take(&mut staff.expected);
        written.sort();
        expected.sort();
        assert_eq!(written, expected, "case {case}: {story:?}");
        admin
            .run("DELETE FROM es.letters")
            .await
            .expect("read and thrown away");
    }
}

/// What a tenant's admins are told, and where.
pub(crate) async fn news(rig: &Rig, tenant: TenantId) -> Vec<(String, News)> {
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let ids: Vec<Uuid> = admin
        .column(&format!(
            "SELECT letter_id FROM es.letters WHERE tenant_id = '{}' ORDER BY letter_id",
            tenant.as_uuid()
        ))
        .await;
    let mut told = Vec::new();
    for id in ids {
        let store = rig.store();
        let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
        let letter = letter::find(&mut tx, id).await.expect("read").expect("there");
        let content = letters::open(store, &mut tx, &letter).await.expect("opened");
        told.extend(content.news.map(|news| (content.to.as_str().to_owned(), news)));
    }
    told
}
