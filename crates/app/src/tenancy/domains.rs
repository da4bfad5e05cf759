//! Domains of an operator's own (F30). A name leads to a tenant by a row of the directory, which is put in the
//! transaction of its proof and nowhere else: of several who ask for a name, the one that the DNS speaks for has it.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomDomainId, TenantId, TimerId,
    policy::TimerKind,
    tenancy::{
        CustomDomain, CustomDomainCommand, CustomDomainError, CustomDomainEvent, DomainName, Feature,
        custom_domain::{DomainStatus, Observed},
    },
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, Origin, directory},
};

use crate::{Outcome, Refusal, decide, permission, policies::timer_row, refuse};

/// Scope of the set of a tenant's domains that are not over; its key is [`DOMAINS`] too.
pub const DOMAINS: &str = "custom_domains";
const MAX_DOMAINS: usize = 10;

/// The one stream of a name in a tenant's log.
pub fn domain_id(tenant: TenantId, name: &DomainName) -> CustomDomainId {
    CustomDomainId::derive(tenant.as_uuid(), name.as_str())
}

/// Asks to be found under a name. The same name again is the same request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestDomain {
    pub name: DomainName,
    /// The domain below which the platform gives subdomains.
    pub platform: String,
}

impl Command for RequestDomain {
    const NAME: &'static str = "custom_domain.request";
    const ACCESS: Access = Access {
        feature: Some(Feature::CustomDomain.as_str()),
        ..Access::permission(permission::TENANT_SETTINGS)
    };
    type Answer = CustomDomainId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomDomainId> {
        if self.name.is_below(&self.platform) {
            return refuse(Refusal::Domain(CustomDomainError::Platform));
        }
        let domain = domain_id(work.tenant(), &self.name);
        let (id, at) = (domain.to_string(), work.at());
        let known = work.members(DOMAINS, DOMAINS).await?;
        if known.len() >= MAX_DOMAINS && !known.contains(&id) {
            return refuse(Refusal::Domain(CustomDomainError::TooMany { max: MAX_DOMAINS }));
        }
        let request = CustomDomainCommand::Request {
            domain,
            name: self.name.clone(),
            token: work.new_uuid().simple().to_string(),
            at,
        };
        if decide::<CustomDomain>(work, &id, request).await?.is_empty() {
            return Ok(domain);
        }
        work.add_member(DOMAINS, DOMAINS, &id, self.name.as_str());
        look(work, domain, at, true).await?;
        Ok(domain)
    }
}

/// Has the DNS asked now, and not when it is time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookAtDomain {
    pub domain: CustomDomainId,
}

impl Command for LookAtDomain {
    const NAME: &'static str = "custom_domain.look";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = CustomDomainId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomDomainId> {
        let at = work.at();
        let state = work.load::<CustomDomain>(&self.domain.to_string()).await?;
        if state.name().is_none() {
            return refuse(Refusal::Domain(CustomDomainError::NotFound));
        }
        if state.next_look(at).is_some() {
            look(work, self.domain, at, false).await?;
        }
        Ok(self.domain)
    }
}

/// What the DNS said when a timer had it asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObserveDomain {
    pub domain: CustomDomainId,
    /// Of the request that it was asked about.
    pub token: String,
    /// Where the domain stood when it was asked.
    pub status: DomainStatus,
    pub observed: Observed,
    pub timer: TimerId,
    /// Whether the next look follows from this one.
    pub again: bool,
}

impl Command for ObserveDomain {
    const NAME: &'static str = "custom_domain.observe";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (self.domain.to_string(), work.at());
        let observe = CustomDomainCommand::Observe {
            token: self.token.clone(),
            status: self.status,
            observed: self.observed,
            at,
        };
        let events = decide::<CustomDomain>(work, &id, observe).await?;
        keep_directory(work, &events);
        work.inline(Inline::CompleteTimer(self.timer));
        let state = work.load::<CustomDomain>(&id).await?;
        let is_current = state.token() == Some(self.token.as_str());
        let next = state.next_look(at).filter(|_| self.again && is_current);
        if let Some(due_at) = next {
            look(work, self.domain, due_at, true).await?;
        }
        Ok(())
    }
}

/// Gives a domain back. It leads to the operator no more, from the commit on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseDomain {
    pub domain: CustomDomainId,
}

impl Command for ReleaseDomain {
    const NAME: &'static str = "custom_domain.release";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = CustomDomainId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomDomainId> {
        release(work, self.domain, "given back").await?;
        Ok(self.domain)
    }
}

/// Takes a name away, as the platform says. It leads to the operator no more, from the commit on, and stays away until it
/// is allowed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeDomain {
    pub name: DomainName,
    pub reason: String,
}

impl Command for RevokeDomain {
    const NAME: &'static str = "custom_domain.revoke";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let domain = domain_id(work.tenant(), &self.name);
        let revoke = CustomDomainCommand::Revoke {
            domain,
            name: self.name.clone(),
            reason: self.reason.clone(),
            at: work.at(),
        };
        let events = decide::<CustomDomain>(work, &domain.to_string(), revoke).await?;
        keep_directory(work, &events);
        Ok(())
    }
}

/// Lets the operator ask for a name again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllowDomain {
    pub name: DomainName,
}

impl Command for AllowDomain {
    const NAME: &'static str = "custom_domain.allow";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = domain_id(work.tenant(), &self.name).to_string();
        let events = decide::<CustomDomain>(work, &id, CustomDomainCommand::Allow { at: work.at() }).await?;
        keep_directory(work, &events);
        Ok(())
    }
}

pub(super) async fn release(work: &mut Work<'_>, domain: CustomDomainId, reason: &str) -> Outcome<()> {
    let release = CustomDomainCommand::Release {
        reason: reason.to_owned(),
        at: work.at(),
    };
    let events = decide::<CustomDomain>(work, &domain.to_string(), release).await?;
    keep_directory(work, &events);
    Ok(())
}

fn keep_directory(work: &mut Work<'_>, events: &[CustomDomainEvent]) {
    for event in events {
        let (domain, name, _) = event.subject();
        let (id, key) = (domain.to_string(), name.as_str().to_owned());
        let kind = directory::kind::DOMAIN.to_owned();
        let was_active = match event {
            CustomDomainEvent::Proved(_) => {
                work.inline(Inline::Route(directory::Route {
                    kind,
                    key,
                    target: id,
                }));
                continue;
            }
            CustomDomainEvent::Lapsed(lapsed) => lapsed.was_active,
            CustomDomainEvent::Released(released) => released.was_active,
            CustomDomainEvent::Revoked(revoked) => {
                // The operator sees it, and why.
                work.add_member(DOMAINS, DOMAINS, &id, &key);
                if revoked.was_active {
                    work.inline(Inline::Unroute { kind, key });
                }
                continue;
            }
            CustomDomainEvent::Allowed(_) => false,
            CustomDomainEvent::Requested(_)
            | CustomDomainEvent::ProofMissed(_)
            | CustomDomainEvent::ProofFound(_) => continue,
        };
        work.drop_member(DOMAINS, DOMAINS, &id);
        if was_active {
            work.inline(Inline::Unroute { kind, key });
        }
    }
}

async fn look(
    work: &mut Work<'_>,
    domain: CustomDomainId,
    due_at: chrono::DateTime<chrono::Utc>,
    again: bool,
) -> Outcome<()> {
    let state = work.load::<CustomDomain>(&domain.to_string()).await?;
    let Some(token) = state.token().map(str::to_owned) else {
        return Ok(());
    };
    let origin = work.context().cause.map(|cause| Origin {
        cause: cause.as_uuid(),
        correlation: work.context().correlation,
    });
    let kind = TimerKind::CheckDomain {
        domain,
        token,
        due_at,
        again,
    };
    work.inline(Inline::ScheduleTimer(timer_row(&kind, due_at, origin)?));
    Ok(())
}
