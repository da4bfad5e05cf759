//! Whose tenant a request is about, before anybody has said who they are (F2, F30).
//!
//! A host names a tenant by its subdomain below the platform's domain, or by a domain that was proved to be the
//! tenant's. `X-Tenant-ID` names it by id. Two that disagree are refused, whoever asks.

use simpul_domain::{Code, Coded, TenantId};
use simpul_event_store::{
    EventStore, StoreError, feed,
    inline::directory::{self, kind},
};

/// Why no tenant was found.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the host and X-Tenant-ID do not name the same tenant")]
    Mismatch,
    /// Of what was given, something names no tenant.
    #[error("there is no such tenant")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for ResolveError {
    fn code(&self) -> Code {
        match self {
            Self::Mismatch => Code::TenantMismatch,
            Self::Unknown => Code::NotFound,
            Self::Store(error) => error.code(),
        }
    }
}

/// The tenant that a host and a header name; `None` when neither names one. `platform` is the domain below which
/// subdomains live; a request to that domain itself, or to an address, names nobody.
pub async fn resolve(
    store: &EventStore,
    platform: &str,
    host: Option<&str>,
    header: Option<&str>,
) -> Result<Option<TenantId>, ResolveError> {
    let by_host = match host.and_then(|host| Place::of(host, platform)) {
        Some(place) => Some(look_up(store, &place).await?),
        None => None,
    };
    let by_header = match header {
        Some(text) => Some(known(store, text).await?),
        None => None,
    };
    match (by_host, by_header) {
        (Some(host), Some(header)) if host != header => Err(ResolveError::Mismatch),
        (host, header) => Ok(host.or(header)),
    }
}

/// A key of the directory.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    kind: &'static str,
    key: String,
}

impl Place {
    fn of(host: &str, platform: &str) -> Option<Self> {
        let host = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) {
                name
            } else {
                host
            }
        });
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let platform = platform.to_ascii_lowercase();
        let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
        if host.is_empty() || is_address || host == platform || !host.contains('.') {
            return None;
        }
        let below = host
            .strip_suffix(&platform)
            .and_then(|rest| rest.strip_suffix('.'));
        Some(below.map_or_else(
            || Self {
                kind: kind::DOMAIN,
                key: host.clone(),
            },
            |label| Self {
                kind: kind::SUBDOMAIN,
                key: label.to_owned(),
            },
        ))
    }
}

async fn look_up(store: &EventStore, place: &Place) -> Result<TenantId, ResolveError> {
    let mut tx = store.db().system_tx().await?;
    let found = directory::resolve(&mut tx, place.kind, &place.key).await?;
    tx.commit().await?;
    found.map(|(tenant, _)| tenant).ok_or(ResolveError::Unknown)
}

/// A tenant that has a log. The platform's own tenant is no customer.
async fn known(store: &EventStore, text: &str) -> Result<TenantId, ResolveError> {
    let tenant: TenantId = text.trim().parse().map_err(|_| ResolveError::Unknown)?;
    if feed::head(store, tenant).await? == 0 {
        return Err(ResolveError::Unknown);
    }
    Ok(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Option<(&'static str, String)> {
        Place::of(host, "simpul.example").map(|place| (place.kind, place.key))
    }

    #[test]
    fn a_host_is_a_subdomain_of_the_platform_or_a_domain_of_its_own() {
        let subdomain = |label: &str| Some((kind::SUBDOMAIN, label.to_owned()));
        let domain = |name: &str| Some((kind::DOMAIN, name.to_owned()));
        assert_eq!(place("maju.simpul.example"), subdomain("maju"));
        assert_eq!(place("Maju.Simpul.Example:8443"), subdomain("maju"));
        assert_eq!(place("billing.wifimaju.id:443"), domain("billing.wifimaju.id"));
        assert_eq!(place("notsimpul.example"), domain("notsimpul.example"));
        for nobody in [
            "simpul.example",
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost:8080",
            "",
        ] {
            assert_eq!(place(nobody), None, "{nobody}");
        }
    }
}
