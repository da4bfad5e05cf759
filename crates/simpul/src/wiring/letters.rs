//! What the postman asks for: letters opened and written in the operator's language, and where they go.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_adapters::{
    mail::{
        Content, Mail, Ports, Post, Undelivered,
        letter::{Facts, Seen, write},
    },
    work_loop::PortError,
};
use simpul_app::{Personal, identity::letters};
use simpul_domain::{
    TenantId,
    tenancy::{Language, Tenant},
    time::Zone,
};
use simpul_event_store::{
    EventStore, StoreError,
    inline::{identity::letter, outbox::Leased},
};
use url::Url;

/// Who writes where no operator does.
const PLATFORM: &str = "Simpul";

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

    /// Name, language and clock of whoever writes.
    async fn writer(&self, tenant: TenantId) -> Result<(String, Language, Zone), StoreError> {
        if tenant == TenantId::PLATFORM {
            return Ok((PLATFORM.to_owned(), Language::default(), Zone::default()));
        }
        let (operator, _) = self.store.load::<Tenant>(tenant, &tenant.to_string()).await?;
        let settings = operator.settings();
        Ok((
            operator.name().to_owned(),
            settings.region.language,
            settings.region.zone,
        ))
    }

    fn written(
        &self,
        letter: &letter::Letter,
        content: &letters::Content,
        from: (String, Language, Zone),
    ) -> Mail {
        let (operator, language, zone) = from;
        let mut facts = Facts::new(&operator, content.name.as_str());
        if let Some(secret) = &content.secret {
            facts = facts.with_secret(SecretString::from(secret.as_str()), self.page.clone());
        }
        if let Some(sight) = &content.sight {
            let text = |personal: &Option<Personal>| personal.as_ref().map(|text| text.as_str().to_owned());
            facts = facts.with_seen(&Seen {
                at: local(sight.at, zone),
                ip: text(&sight.ip),
                program: text(&sight.program),
            });
        }
        if let Some(said) = &content.said {
            facts = facts.with_said(said.as_str());
        }
        let written = write(letter.kind, language, &facts);
        Mail {
            id: letter.id,
            from: operator,
            to: SecretString::from(content.to.as_str()),
            text: written.text(),
            html: written.html(),
            subject: written.subject,
            at: letter.made_at,
        }
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
