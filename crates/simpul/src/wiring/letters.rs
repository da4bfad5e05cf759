//! What the postman asks for: letters opened and written in the operator's language, and where they go.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_adapters::{
    mail::{
        Content, Mail, Ports, Post, Undelivered,
        letter::{Facts, Look, News, Seen, Unpaid, write},
    },
    work_loop::PortError,
};
use simpul_app::{Personal, identity::letters};
use simpul_domain::{
    TenantId,
    tenancy::{
        Tenant,
        settings::{Branding, Region},
    },
    time::Zone,
};
use simpul_event_store::{
    EventStore, StoreError,
    inline::{identity::letter, outbox::Leased},
};
use url::Url;

/// Who writes where no operator does.
const PLATFORM: &str = "Simpul";

/// Who writes: name, clock and language, and how they look.
struct Writer {
    name: String,
    region: Region,
    look: Look,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Letters {
    store: EventStore,
    post: Post,
    /// Where front ends take secrets.
    page: Option<Url>,
}

impl Letters {
    pub(crate) const fn new(store: EventStore, post: Post, page: Option<Url>) -> Self {
        Self { store, post, page }
    }

    async fn writer(&self, tenant: TenantId) -> Result<Writer, StoreError> {
        if tenant == TenantId::PLATFORM {
            return Ok(Writer {
                name: PLATFORM.to_owned(),
                region: Region::default(),
                look: Look::default(),
            });
        }
        let (operator, _) = self.store.load::<Tenant>(tenant, &tenant.to_string()).await?;
        let Branding {
            seller_name,
            logo,
            colour,
            footer,
        } = operator.look();
        Ok(Writer {
            name: seller_name.unwrap_or_default(),
            region: operator.settings().region,
            look: Look { logo, colour, footer },
        })
    }

    fn written(&self, letter: &letter::Letter, content: &letters::Content, from: Writer) -> Mail {
        let Writer { name, region, look } = from;
        let mut facts = Facts::new(&name, content.name.as_str()).with_look(look);
        if let Some(secret) = &content.secret {
            facts = facts.with_secret(SecretString::from(secret.as_str()), self.page.clone());
        }
        if let Some(sight) = &content.sight {
            let text = |personal: &Option<Personal>| personal.as_ref().map(|text| text.as_str().to_owned());
            facts = facts.with_seen(&Seen {
                at: local(sight.at, region.zone),
                ip: text(&sight.ip),
                program: text(&sight.program),
            });
        }
        if let Some(news) = &content.news {
            facts = facts.with_news(&told(news));
        }
        let written = write(letter.kind, region.language, &facts);
        Mail {
            id: letter.id,
            from: name,
            to: SecretString::from(content.to.as_str()),
            text: written.text(),
            html: written.html(),
            subject: written.subject,
            at: letter.made_at,
        }
    }
}

fn told(news: &letters::News) -> News {
    match news {
        letters::News::AddOnRejected { add_on, reason } => News::AddOnRejected {
            add_on: add_on.clone(),
            reason: reason.clone(),
        },
        letters::News::AddOnActivated { add_on } => News::AddOnActivated {
            add_on: add_on.clone(),
        },
        letters::News::PanelLocked { reason, unpaid } => News::PanelLocked {
            reason: reason.clone(),
            unpaid: unpaid.as_ref().map(owed),
        },
        letters::News::BillIssued(bill) => News::BillIssued(owed(bill)),
        letters::News::BillOverdue(bill) => News::BillOverdue(owed(bill)),
        letters::News::PanelUnlocked => News::PanelUnlocked,
        letters::News::OwnerInvited => News::OwnerInvited,
        letters::News::IsolirHeld { lines, of, usual } => News::IsolirHeld {
            lines: *lines,
            of: *of,
            usual: *usual,
        },
        letters::News::BackupFailed { reason } => News::BackupFailed {
            reason: reason.clone(),
        },
    }
}

fn owed(bill: &letters::Unpaid) -> Unpaid {
    Unpaid {
        number: bill.number.clone(),
        outstanding: bill.outstanding,
        due_on: bill.due_on,
    }
}

fn local(at: DateTime<Utc>, zone: Zone) -> String {
    format!(
        "{} {}",
        zone.local(at).format("%d/%m/%Y %H:%M"),
        zone.abbreviation()
    )
}

impl Ports for Letters {
    async fn content(&self, parcel: &Leased) -> Result<Content, PortError> {
        let mut tx = self.store.db().tenant_tx(parcel.tenant).await?;
        let Some(letter) = letter::find(&mut tx, parcel.parcel.id).await? else {
            return Ok(Content::Impossible("it is not kept any more"));
        };
        if letter.expires_at <= self.store.now() {
            return Ok(Content::Impossible("what it tells is worth nothing any more"));
        }
        let content = match letters::open(&self.store, &mut tx, &letter).await {
            Err(StoreError::Erased) => return Ok(Content::Impossible("its user is erased")),
            content => content?,
        };
        tx.commit().await?;
        let writer = self.writer(parcel.tenant).await?;
        Ok(Content::Ready(Box::new(self.written(&letter, &content, writer))))
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        self.post.deliver(mail).await
    }
}
