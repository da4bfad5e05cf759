//! What a signed-in user does with their own proofs. Each takes a proof of now: an open screen is not enough.

use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{
    Personal,
    identity::{
        field,
        hasher::HasherError,
        password::{Fit, PasswordError},
        secret::{self, NoRandomness},
        totp,
    },
};
use simpul_domain::{TenantId, UserId};
use simpul_event_store::inline::identity::{SecretHash, credential, delay};

use super::{limits, visit::take_code};
use crate::{ApiError, ApiState, auth::Viewer};

/// Attempts of a signed-in user are counted apart from those of strangers, who must not hold up the user.
fn account(user: UserId) -> String {
    format!("self {user}")
}

/// Whether a user's own password is the one that was typed. Counts the attempt.
pub(crate) async fn knows_password(
    state: &ApiState,
    viewer: Viewer,
    password: SecretString,
) -> Result<bool, ApiError> {
    let work = state.clone();
    state
        .detached(async move {
            let Viewer { user, tenant } = viewer;
            hold(&work, tenant, user).await?;
            let store = work.store();
            let mut tx = store.db().tenant_tx(tenant).await?;
            let sealed = credential::read(&mut tx, user).await?.password;
            let stored = match &sealed {
                Some(sealed) => {
                    let vault = store.vault();
                    Some(
                        vault
                            .open(&mut tx, &user.to_string(), field::PASSWORD, sealed)
                            .await?,
                    )
                }
                None => None,
            };
            tx.commit().await?;
            let fit = work.identity.hasher.fit(password, stored).await;
            let fits = fit.map_err(|_| limits::busy())? != Fit::No;
            release(&work, tenant, user, fits).await?;
            Ok(fits)
        })
        .await
}

/// Whether a one-time code is right. Counts the attempt; the code is used up.
pub(crate) async fn shows_code(state: &ApiState, viewer: Viewer, code: String) -> Result<bool, ApiError> {
    let work = state.clone();
    state
        .detached(async move {
            let Viewer { user, tenant } = viewer;
            hold(&work, tenant, user).await?;
            let shown = take_code(&work, tenant, user, &code).await?;
            release(&work, tenant, user, shown).await?;
            Ok(shown)
        })
        .await
}

/// The time step of a code of the second factor that is offered and does not count yet. Counts the attempt.
pub(crate) async fn offered_step(
    state: &ApiState,
    viewer: Viewer,
    code: String,
) -> Result<Option<i64>, ApiError> {
    let work = state.clone();
    state
        .detached(async move {
            let Viewer { user, tenant } = viewer;
            hold(&work, tenant, user).await?;
            let store = work.store();
            let mut tx = store.db().tenant_tx(tenant).await?;
            let offered = credential::read(&mut tx, user).await?.totp;
            let step = match offered {
                Some(sealed) => {
                    let vault = store.vault();
                    let secret = vault
                        .open(&mut tx, &user.to_string(), field::TOTP, &sealed)
                        .await?;
                    totp::matching_step(&secret, &code, store.now())
                }
                None => None,
            };
            tx.commit().await?;
            release(&work, tenant, user, step.is_some()).await?;
            Ok(step)
        })
        .await
}

async fn hold(state: &ApiState, tenant: TenantId, user: UserId) -> Result<(), ApiError> {
    match limits::attempt_account(state, tenant, &account(user)).await? {
        Some(held) => Err(held),
        None => Ok(()),
    }
}

async fn release(state: &ApiState, tenant: TenantId, user: UserId, proved: bool) -> Result<(), ApiError> {
    if proved {
        let mut tx = state.store().db().tenant_tx(tenant).await?;
        delay::forget(&mut tx, &account(user)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The hash of a new password, or why it cannot be one.
pub(crate) async fn new_password(
    state: &ApiState,
    password: SecretString,
) -> Result<Result<Personal, PasswordError>, ApiError> {
    match state.identity.hasher.hash(password).await {
        Ok(hash) => Ok(Ok(Personal::new(hash.expose_secret()))),
        Err(HasherError::Password(PasswordError::Unhashable)) => Err(ApiError::internal()),
        Err(HasherError::Password(error)) => Ok(Err(error)),
        Err(HasherError::Busy) => Err(limits::busy()),
    }
}

/// Recovery codes, and what is kept of them.
pub(crate) fn recovery_codes() -> Result<(Vec<SecretString>, Vec<SecretHash>), NoRandomness> {
    let codes = totp::new_recovery_codes()?;
    let hashes = codes
        .iter()
        .map(|code| secret::hash(&totp::plain_recovery_code(code.expose_secret())));
    let hashes = hashes.collect();
    Ok((codes, hashes))
}
