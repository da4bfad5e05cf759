//! What one operation knows: who asks, how new its answers must be, and how it reaches commands and read models.

mod hint;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_graphql::ContextBase;
use simpul_app::permission;
use simpul_domain::{Code, CorrelationId, CustomerId, TenantId, tenancy::Feature};
use simpul_event_store::{
    Actor, Age, Command, ConsistencyToken, Context, Receipt, TenantTx,
    feed::{Plans, look_up_at, read_at, word_of},
    inline::access,
};
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

    /// Something else was read, that is no read model.
    pub(super) fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// How many transactions over read models the operation has taken.
    pub(crate) fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
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

    /// A transaction over read models that are at least as new as the client, and this operation, knows them.
    pub(super) async fn read(&self, projections: &[&str]) -> Result<TenantTx, ApiError> {
        let store = self.state.store();
        let tx = match self.first_read(projections, Plans::Asked).await {
            Some(tx) => tx,
            None if projections.is_empty() => store.db().read_tx(self.viewer.tenant).await?,
            None => read_at(store, self.viewer.tenant, projections, self.token()).await?,
        };
        Ok(self.aged(tx))
    }

    fn aged(&self, tx: TenantTx) -> TenantTx {
        self.grow_old(tx.age());
        tx
    }

    fn grow_old(&self, age: Option<Age>) {
        if let Some(age) = age {
            let now = self.state.store().now();
            let lag = age
                .behind_since
                .map(|since| (now - since).num_milliseconds().max(0));
            let mut oldest = self.lag_ms.lock().unwrap_or_else(PoisonError::into_inner);
            *oldest = lag.or(Some(0)).max(*oldest);
        }
    }

    /// How long the oldest read model that was read did not hear of something, in milliseconds; nothing where none was
    /// read.
    pub(crate) fn lag_ms(&self) -> Option<i64> {
        *self.lag_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was begun, for the first who reads. Next time that is begun which is wanted now.
    async fn first_read(&self, projections: &[&str], plans: Plans) -> Option<TenantTx> {
        if self.reads.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        if let Some(document) = self.document.as_ref().filter(|_| !projections.is_empty()) {
            document.began(projections, plans);
        }
        let turns = self.begun().reading(projections, plans);
        turns?.take().await
    }

    /// Like [`Scope::read`], for rows by their ids.
    pub(super) async fn look_up(&self, projection: &str) -> Result<TenantTx, ApiError> {
        let (store, tenant) = (self.state.store(), self.viewer.tenant);
        let tx = match self.first_read(&[projection], Plans::Once).await {
            Some(tx) => tx,
            None => look_up_at(store, tenant, &[projection], self.token()).await?,
        };
        Ok(self.aged(tx))
    }

    /// Whether rows of the projection may be read together with what others ask for. Not what an operation begins with, which
    /// comes with where its viewer stands; and not before there is word that it is new enough: nobody waits for another one's token.
    pub(super) async fn reads_with_others(&self, projection: &str) -> bool {
        let begins = self.reads() == 0 && !self.has_written.load(Ordering::Relaxed);
        !begins
            && word_of(
                self.state.store(),
                self.viewer.tenant,
                &[projection],
                self.token(),
            )
            .await
    }

    /// Others have read for it, in a transaction of this age.
    pub(super) fn was_read_for(&self, age: Option<Age>) {
        self.count_read();
        self.grow_old(age);
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
