//! Whose tenant a request is about: `simpul_app::tenancy::resolve`, asked every ten seconds for the same address, not at
//! every request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use chrono::{DateTime, TimeDelta, Utc};
use simpul_app::tenancy::{ResolveError, resolve};
use simpul_domain::{Code, TenantId};

use crate::{ApiError, ApiState};

const TENANT: &str = "x-tenant-id";
/// How long an answer is believed. An address hardly ever moves; one that was taken away leads nowhere this much later.
const KEEP: TimeDelta = TimeDelta::seconds(10);
const MAX_KEPT: usize = 10_000;
/// Longest host or header that is looked at; a domain name has at most 253 characters.
const MAX_CHARS: usize = 300;

/// What a request says of its tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    host: Option<String>,
    header: Option<String>,
}

impl Place {
    /// A header that is not readable names nobody, and is refused as such.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            headers.get(name).map(|value| {
                value
                    .to_str()
                    .unwrap_or_default()
                    .chars()
                    .take(MAX_CHARS)
                    .collect()
            })
        };
        Self {
            host: text(header::HOST.as_str()),
            header: text(TENANT),
        }
    }

    /// Without the address, where that is the platform's.
    pub(super) fn header_only(self) -> Self {
        Self { host: None, ..self }
    }
}

/// The tenant that a place names, if it names one.
#[derive(Debug, Clone, Copy)]
struct Named(Option<TenantId>);

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<Place, (Named, DateTime<Utc>)>>);

impl Addresses {
    /// The tenant that a request names; nothing if it names none.
    pub(super) async fn tenant(&self, state: &ApiState, place: Place) -> Result<Option<TenantId>, ApiError> {
        let now = state.store().now();
        if let Some(Named(tenant)) = self.recall(&place, now) {
            return Ok(tenant);
        }
        let (work, asked) = (state.clone(), place.clone());
        let tenant = state
            .detached(async move {
                let platform = work.public_url.host_str().unwrap_or_default();
                let Place { host, header } = &asked;
                let found = resolve(work.store(), platform, host.as_deref(), header.as_deref()).await;
                found.map_err(|error| refused(&error))
            })
            .await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(place, (Named(tenant), now));
        Ok(tenant)
    }

    fn recall(&self, place: &Place, now: DateTime<Utc>) -> Option<Named> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tenant, at) = kept.get(place)?;
        (now - *at < KEEP).then_some(*tenant)
    }
}

fn refused(error: &ResolveError) -> ApiError {
    match error {
        ResolveError::Mismatch => ApiError::new(
            Code::TenantMismatch,
            "X-Tenant-ID names another tenant than this address",
        ),
        ResolveError::Unknown => ApiError::new(Code::NotFound, "There is nobody at this address"),
        ResolveError::Store(error) => ApiError::from_coded(error),
    }
}
