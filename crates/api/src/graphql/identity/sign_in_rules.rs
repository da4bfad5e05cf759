//! How the tenant's users sign in.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    identity::rules::{ChangeSignInRules, sign_in_terms},
    permission,
};
use simpul_domain::identity::SignInTerms;

use crate::{
    ApiError,
    graphql::{
        payload::payload,
        scalar,
        scope::{Scope, Sent, scope},
    },
};

/// How long sessions last, and what is told by letter.
#[derive(SimpleObject)]
pub(crate) struct SignInRules {
    /// Days from the sign-in on, however often the session is prolonged.
    session_days: i32,
    /// Whether a sign-in with a program that the user had not used before is told them by letter.
    warns_of_new_devices: bool,
    /// Whether the address before is told by letter that another one counts.
    warns_of_new_address: bool,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
}

impl SignInRules {
    async fn read(scope: &Scope) -> Result<Self, ApiError> {
        let (terms, version) = sign_in_terms(scope.state().store(), scope.tenant()).await?;
        Ok(Self {
            session_days: terms.session_days.into(),
            warns_of_new_devices: terms.warns_of_new_devices,
            warns_of_new_address: terms.warns_of_new_address,
            version: scalar::version(version),
        })
    }

    /// A tenant has one set of them.
    async fn load(scope: &Scope, (): ()) -> Result<Option<Self>, ApiError> {
        Ok(Some(Self::read(scope).await?))
    }
}

/// Other rules, as a whole.
#[derive(InputObject)]
pub(crate) struct SignInRulesChangeInput {
    /// 7 to 30. Sessions that go on end no later than this says.
    session_days: i32,
    /// Whether a sign-in with a program that the user had not used before is told them by letter.
    warns_of_new_devices: bool,
    /// Whether the address before is told by letter that another one counts.
    warns_of_new_address: bool,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `signInRulesChange` answers.
    SignInRulesChangePayload { sign_in_rules: SignInRules = () }
}

/// Questions about the rules.
#[derive(Debug, Default)]
pub(crate) struct SignInRulesQuery;

#[Object]
impl SignInRulesQuery {
    /// How users sign in.
    /// Permission: tenant.settings
    async fn sign_in_rules(&self, context: &Context<'_>) -> Result<SignInRules> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_SETTINGS).await?;
        Ok(SignInRules::read(scope).await?)
    }
}

/// Commands about the rules.
#[derive(Debug, Default)]
pub(crate) struct SignInRulesMutation;

#[Object]
impl SignInRulesMutation {
    /// Changes how users sign in.
    /// Permission: tenant.settings
    async fn sign_in_rules_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rules.")] input: SignInRulesChangeInput,
    ) -> Result<SignInRulesChangePayload> {
        let command = ChangeSignInRules {
            terms: SignInTerms {
                // What no day can be is refused like any other number that is none of the rules'.
                session_days: u8::try_from(input.session_days).unwrap_or(u8::MAX),
                warns_of_new_devices: input.warns_of_new_devices,
                warns_of_new_address: input.warns_of_new_address,
            },
        };
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope(context)?.edit("rules", sent, Ok(command), |()| ());
        Ok(outcome.await?.into())
    }
}
