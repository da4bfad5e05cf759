//! What one operation knows: who asks, how new its answers must be, and how it reaches commands and read models.

mod hint;
mod reads;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_graphql::ContextBase;
use simpul_app::permission;
use simpul_domain::{Code, CorrelationId, CustomerId, TenantId, tenancy::Feature};
use simpul_event_store::{Actor, Command, ConsistencyToken, Context, Receipt, inline::access};
use tokio::sync::OnceCell;

pub(super) use self::hint::SOME_REASON;
use super::{
    batch::Gatherings,
    payload::Outcome,
    user_error::{Dispatched, Subject, UserError, sort_out},
};
use crate::{
    ApiError, ApiState,
    auth::{Proof, Viewer},
    budget::Left,
    engine::Document,
    http::{Begun, Origin},
    live::{Hub, Readings, Start},
};

/// The frame of one operation.
#[derive(Debug)]
pub(crate) struct Scope {
    state: ApiState,
    viewer: Viewer,
    proof: Proof,
    request_id: String,
    origin: Origin,
    /// The client's token, or that of a command of this operation.
    token: Mutex<Option<ConsistencyToken>>,
    /// Whether a command of it has written something.
    has_written: AtomicBool,
    standing: OnceCell<access::Standing>,
    /// What the price of the operation has left of the viewer's points.
    left: OnceLock<Left>,
    /// Transactions over read models so far.
    reads: AtomicU32,
    /// How old the oldest of them was, in milliseconds.
    lag_ms: Mutex<Option<i64>>,
    /// Where live streams come from, on connections that carry them.
    hub: Option<Arc<Hub>>,
    /// Resolvers that ask for rows at the same time.
    gatherings: Gatherings,
    document: Option<Arc<Document>>,
    /// What has been begun for it.
    begun: Mutex<Begun>,
    asked: hint::Asked,
}

/// The operation's scope.
pub(super) fn scope<'c, T>(context: &ContextBase<'c, T>) -> Result<&'c Arc<Scope>, ApiError> {
    context
        .data::<Arc<Scope>>()
        .map_err(|_| ApiError::new(Code::Unauthorized, "A valid bearer token is needed"))
}

impl Scope {
    pub(crate) fn new(
        state: ApiState,
        viewer: Viewer,
        request_id: String,
        token: Option<ConsistencyToken>,
    ) -> Self {
        Self {
            state,
            viewer,
            proof: Proof::default(),
            request_id,
            origin: Origin::default(),
            token: Mutex::new(token),
            has_written: AtomicBool::new(false),
            standing: OnceCell::new(),
            left: OnceLock::new(),
            reads: AtomicU32::new(0),
            lag_ms: Mutex::default(),
            hub: None,
            gatherings: Gatherings::default(),
            document: None,
            begun: Mutex::default(),
            asked: hint::Asked::default(),
        }
    }

    #[must_use]
    pub(crate) fn running(self, document: Arc<Document>) -> Self {
        let document = Some(document);
        Self { document, ..self }
    }

    /// Goes on with what was begun when its viewer was let in.
    pub(crate) fn go_on(&self, begun: Begun) {
        *self.begun() = begun;
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of these fields is asked for, of whatever type; by anybody, where what is read is shared with others who listen.
    pub(super) fn mentions(&self, fields: &[&str]) -> bool {
        let document = self.document.as_ref().filter(|_| self.hub.is_none());
        document.is_none_or(|document| document.mentions(fields))
    }

    #[must_use]
    pub(crate) fn sent_by(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// As whoever has proved it so.
    #[must_use]
    pub(crate) fn proven_by(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    pub(crate) const fn proof(&self) -> &Proof {
        &self.proof
    }

    /// On a connection that carries live streams.
    #[must_use]
    pub(crate) fn live(self, hub: Arc<Hub>) -> Self {
        let hub = Some(hub);
        Self { hub, ..self }
    }

    /// With what its connection has read about the viewer and watches.
    #[must_use]
    pub(crate) fn standing(self, standing: access::Standing) -> Self {
        let standing = OnceCell::new_with(Some(standing));
        Self { standing, ..self }
    }

    /// What happens in the tenant after a position, or from now on.
    pub(super) async fn follow(&self, after: Option<i64>) -> Result<Start, ApiError> {
        let hub = self.hub.as_ref().ok_or_else(ApiError::internal)?;
        Ok(hub.follow(self.viewer.tenant, after).await?)
    }

    /// What others who listen to the same events have read.
    pub(super) fn readings(&self) -> Option<&Readings> {
        self.hub.as_deref().map(Hub::readings)
    }

    pub(super) const fn gatherings(&self) -> &Gatherings {
        &self.gatherings
    }

    /// Its price was taken.
    pub(crate) fn paid(&self, left: Left) {
        // An operation is paid once.
        let _ = self.left.set(left);
    }

    pub(super) fn left(&self) -> Option<Left> {
        self.left.get().copied()
    }

    pub(super) const fn state(&self) -> &ApiState {
        &self.state
    }

    pub(crate) const fn viewer(&self) -> Viewer {
        self.viewer
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.viewer.tenant
    }

    /// Where the viewer stands, read once for each operation.
    async fn stands(&self) -> Result<&access::Standing, ApiError> {
        let stands = self.standing.get_or_try_init(|| async {
            let mut standing = access::standing_of(self.state.store(), self.viewer.caller(None)).await?;
            if standing.disabled {
                return Err(ApiError::new(Code::Forbidden, "The tenant is not active"));
            }
            standing.permissions = within(&self.proof, standing.permissions);
            Ok::<_, ApiError>(standing)
        });
        stands.await
    }

    /// What the viewer may do.
    pub(super) async fn permissions(&self) -> Result<&[String], ApiError> {
        Ok(&self.stands().await?.permissions)
    }

    /// The customer as whom the viewer uses the portal.
    pub(super) async fn customer(&self) -> Result<CustomerId, ApiError> {
        self.require(permission::PORTAL).await?;
        let linked = self.stands().await?.customer;
        linked.ok_or_else(|| ApiError::forbidden(permission::PORTAL))
    }

    /// Refuses where the tenant does not have the feature.
    pub(crate) async fn needs(&self, feature: Feature) -> Result<(), ApiError> {
        let switched_on = &self.stands().await?.features;
        if switched_on.iter().any(|name| name == feature.as_str()) {
            Ok(())
        } else {
            Err(ApiError::feature_disabled(feature))
        }
    }

    /// Refuses without the permission.
    pub(crate) async fn require(&self, permission: &str) -> Result<(), ApiError> {
        if self.permissions().await?.iter().any(|held| held == permission) {
            Ok(())
        } else {
            Err(ApiError::forbidden(permission))
        }
    }

    pub(super) fn token(&self) -> Option<ConsistencyToken> {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Like [`Scope::command`], and says whether the command had its effect before: what was made for this request,
    /// such as a secret, was not taken then.
    pub(super) async fn command_once<C: Command, I>(
        &self,
        subject: impl Into<Subject>,
        key: Option<&str>,
        command: Result<C, Vec<UserError>>,
        id: impl FnOnce(C::Answer) -> I,
    ) -> Result<(Outcome<I>, bool), ApiError> {
        self.sent(subject.into(), key.into(), command, id).await
    }

    async fn sent<C: Command, I>(
        &self,
        subject: Subject,
        sent: Sent<'_>,
        command: Result<C, Vec<UserError>>,
        id: impl FnOnce(C::Answer) -> I,
    ) -> Result<(Outcome<I>, bool), ApiError> {
        let command = match command {
            Ok(command) => command,
            Err(errors) => {
                self.require(C::ACCESS.permission).await?;
                return Ok((Outcome::refused(errors), false));
            }
        };
        Ok(match self.dispatch(subject, sent, command).await? {
            Dispatched::Accepted(receipt) => {
                let repeated = receipt.repeated;
                (Outcome::accepted(id(receipt.answer), receipt.token), repeated)
            }
            Dispatched::Refused(errors) => (Outcome::refused(errors), false),
        })
    }

    /// Runs a command of the viewer and says what became of it. `subject` is what the command is about, so that its
    /// absence is reported at `input.id`.
    pub(super) async fn command<C: Command, I>(
        &self,
        subject: impl Into<Subject>,
        key: Option<&str>,
        command: Result<C, Vec<UserError>>,
        id: impl FnOnce(C::Answer) -> I,
    ) -> Result<Outcome<I>, ApiError> {
        let (outcome, _) = self.command_once(subject, key, command, id).await?;
        Ok(outcome)
    }

    /// Like [`Scope::command`], where many may change the same thing: refused if the viewer has seen another version of it
    /// than there is.
    pub(super) async fn edit<C: Command, I>(
        &self,
        subject: impl Into<Subject>,
        sent: Sent<'_>,
        command: Result<C, Vec<UserError>>,
        id: impl FnOnce(C::Answer) -> I,
    ) -> Result<Outcome<I>, ApiError> {
        let (outcome, _) = self.sent(subject.into(), sent, command, id).await?;
        Ok(outcome)
    }

    async fn dispatch<C: Command>(
        &self,
        subject: Subject,
        Sent {
            key,
            expected,
            dry_run,
        }: Sent<'_>,
        command: C,
    ) -> Result<Dispatched<Receipt<C::Answer>>, ApiError> {
        if let Some(error) = key.and_then(UserError::of_key) {
            self.require(C::ACCESS.permission).await?;
            return Ok(Dispatched::Refused(vec![error]));
        }
        // Whoever only asks does not use the key up.
        let key = key.filter(|_| !dry_run);
        // A key belongs to one mutation; two of them may share a command about different subjects.
        let frame = Context {
            expected_version: expected.map(i64::from),
            dry_run,
            ..self.frame(&format!("{}/{}", C::NAME, subject.what()), key)
        };
        let admitted = self.begun().admitted().filter(|_| key.is_none());
        let dispatched = self.state.bus.dispatch_admitted(frame, admitted, command).await;
        let sorted = sort_out(dispatched, subject)?;
        if let Dispatched::Accepted(receipt) = &sorted {
            self.remember(receipt.token);
        }
        Ok(sorted)
    }

    /// The frame of a command of the product itself that belongs to this operation.
    pub(super) fn internal_frame(&self, part: &'static str) -> Context {
        Context {
            actor: Actor::System(part),
            ..self.frame(part, None)
        }
    }

    /// Later reads of this operation see what a command of it has written.
    pub(super) fn remember(&self, written: Option<ConsistencyToken>) {
        self.asked.forget();
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_written.fetch_or(written.is_some(), Ordering::Relaxed);
        if let Some(written) = written
            && token.is_none_or(|known| known.tenant == written.tenant && known.seq < written.seq)
        {
            *token = Some(written);
        }
    }

    pub(super) fn frame(&self, command: &str, key: Option<&str>) -> Context {
        let store = self.state.store();
        let Viewer { user, tenant } = self.viewer;
        Context {
            tenant,
            actor: match &self.proof.key {
                Some((key, scopes)) => Actor::Key {
                    user,
                    key: *key,
                    scopes: Arc::clone(scopes),
                },
                None => Actor::User(user),
            },
            impersonator: self.proof.impersonator,
            ip: self.origin.ip,
            user_agent: self.origin.user_agent.clone(),
            request_id: Some(self.request_id.clone()),
            correlation: CorrelationId::new(store.ids().next()),
            cause: None,
            command_id: key.map_or_else(
                || store.new_command_id(),
                |key| Context::keyed(tenant, user, command, key),
            ),
            effective_at: None,
            dry_run: false,
            expected_version: None,
        }
    }
}

/// What a client sends along with a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'i> {
    key: Option<&'i str>,
    /// The version that it has seen of what the command is about.
    expected: Option<i32>,
    /// Only what would come of it is asked.
    dry_run: bool,
}

impl<'i> Sent<'i> {
    pub(super) fn of(key: impl Into<Option<&'i str>>, expected: Option<i32>) -> Self {
        Self {
            key: key.into(),
            expected,
            dry_run: false,
        }
    }

    /// If the client only asks what would come of it.
    pub(super) const fn asking_only(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }
}

impl<'i> From<Option<&'i str>> for Sent<'i> {
    fn from(key: Option<&'i str>) -> Self {
        Self::of(key, None)
    }
}

/// What a proof is good for, of what its user may do.
pub(crate) fn within(proof: &Proof, mut permissions: Vec<String>) -> Vec<String> {
    if let Some((_, scopes)) = &proof.key {
        permissions.retain(|permission| scopes.contains(permission));
    }
    permissions
}
