//! What messages say: the operator's own texts, checked when they are saved, and the built-in ones.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use simpul_adapters::messaging::templates::{Template, TemplateError, Variable};
use simpul_app::{
    messaging::{ResetMessageText, WriteMessageText, message_texts},
    permission,
};
use simpul_domain::{
    messaging::{MessageKind as Kind, MessageTexts},
    tenancy::Language as Tongue,
};

use super::{
    fields::Fields,
    messaging::MessageKind,
    payload::payload,
    scalar,
    scope::{Scope, Sent, scope},
    settings::region::SpokenLanguage,
    user_error::UserError,
};
use crate::ApiError;

/// Something that a message can tell, written as `{name}` in its template.
#[derive(Debug, SimpleObject)]
pub(crate) struct MessageVariable {
    /// Its name.
    name: String,
    /// Other names that are understood.
    aliases: Vec<String>,
    /// What it is in previews.
    sample: String,
    /// Whether a message may have to do without it; it is nothing then.
    optional: bool,
}

/// What messages of a kind say in a language.
#[derive(Debug, SimpleObject)]
pub(crate) struct MessageTemplate {
    /// What they are about.
    kind: MessageKind,
    /// Of the text.
    language: SpokenLanguage,
    /// As it was written. Besides variables it may have `{% if pay_url %}…{% endif %}`.
    source: String,
    /// Whether it is the tenant's own; otherwise it is built in.
    custom: bool,
    /// What it can tell.
    variables: Vec<MessageVariable>,
    /// The message with samples.
    preview: String,
    /// Which version of the operator's texts this is; sent back as `expectedVersion`, it has a change refused if somebody was
    /// faster.
    version: i32,
}

impl MessageTemplate {
    fn of((texts, version): &(MessageTexts, i64), kind: Kind, language: Tongue) -> Result<Self, ApiError> {
        // A text of an older release that no longer passes is not sent either.
        let own = texts
            .own(kind, language)
            .and_then(|source| Template::parse(kind, source).ok());
        let custom = own.is_some();
        let template = match own {
            Some(own) => own,
            None => Template::built_in(kind, language).map_err(|_| ApiError::internal())?,
        };
        Ok(Self {
            kind: kind.into(),
            language: language.into(),
            source: template.source().to_owned(),
            custom,
            variables: Variable::of(kind)
                .iter()
                .map(|&variable| variable.into())
                .collect(),
            preview: template.preview().map_err(|_| ApiError::internal())?,
            version: scalar::version(*version),
        })
    }

    /// From its own stream: always as new as the last command.
    async fn load(scope: &Scope, (kind, language): (Kind, Tongue)) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_SETTINGS).await?;
        let texts = message_texts(scope.state().store(), scope.tenant()).await?;
        Self::of(&texts, kind, language).map(Some)
    }
}

impl From<Variable> for MessageVariable {
    fn from(variable: Variable) -> Self {
        Self {
            name: variable.as_str().to_owned(),
            aliases: variable.aliases().iter().map(|&alias| alias.to_owned()).collect(),
            sample: variable.sample().to_owned(),
            optional: variable.is_optional(),
        }
    }
}

/// A text that is looked at before it is saved.
#[derive(Debug, SimpleObject)]
pub(crate) struct MessageTemplatePreview {
    /// The message with samples; null when the template is wrong.
    text: Option<String>,
    /// What is wrong with it, and where: `params.position` has line and column, both from 1.
    user_errors: Vec<UserError>,
}

fn checked(kind: Kind, source: &str) -> Result<String, TemplateError> {
    Template::parse(kind, source)?.preview()
}

/// What messages of a kind shall say.
#[derive(Debug, InputObject)]
pub(crate) struct MessageTemplateChangeInput {
    /// What they are about.
    kind: MessageKind,
    /// Of the text.
    language: SpokenLanguage,
    /// The template, at most 4096 characters. A variable is written as `{name}`.
    source: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Which text is given up for the built-in one.
#[derive(Debug, InputObject)]
pub(crate) struct MessageTemplateResetInput {
    /// What the messages are about.
    kind: MessageKind,
    /// Of the text.
    language: SpokenLanguage,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `messageTemplateChange` answers.
    MessageTemplateChangePayload { message_template: MessageTemplate = (Kind, Tongue) }
}
payload! {
    /// What `messageTemplateReset` answers.
    MessageTemplateResetPayload { message_template: MessageTemplate = (Kind, Tongue) }
}

/// Questions about texts.
#[derive(Debug, Default)]
pub(crate) struct MessageTemplatesQuery;

#[Object]
impl MessageTemplatesQuery {
    /// What messages say: every kind in every language.
    /// Permission: tenant.settings
    async fn message_templates(&self, context: &Context<'_>) -> Result<Vec<MessageTemplate>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_SETTINGS).await?;
        let texts = message_texts(scope.state().store(), scope.tenant()).await;
        let texts = texts.map_err(ApiError::from)?;
        let mut templates = Vec::new();
        for kind in Kind::ALL {
            for language in Tongue::ALL {
                templates.push(MessageTemplate::of(&texts, kind, language)?);
            }
        }
        Ok(templates)
    }

    /// What a message would say, without saving its text.
    /// Permission: tenant.settings
    async fn message_template_preview(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the message is about.")] kind: MessageKind,
        #[graphql(desc = "The template.")] source: String,
    ) -> Result<MessageTemplatePreview> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_SETTINGS).await?;
        let mut fields = Fields::default();
        let text = fields.coded("source", checked(kind.into(), &source));
        let (text, user_errors) = match fields.done(text) {
            Ok(text) => (Some(text), Vec::new()),
            Err(errors) => (None, errors),
        };
        Ok(MessageTemplatePreview { text, user_errors })
    }
}

/// Commands about texts.
#[derive(Debug, Default)]
pub(crate) struct MessageTemplatesMutation;

#[Object]
impl MessageTemplatesMutation {
    /// Has messages of a kind say something else from now on, those that wait included.
    /// Permission: tenant.settings
    async fn message_template_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: MessageTemplateChangeInput,
    ) -> Result<MessageTemplateChangePayload> {
        let (kind, language) = (input.kind.into(), input.language.into());
        let mut fields = Fields::default();
        let fits = fields.coded("source", checked(kind, &input.source));
        let command = fields.done(fits.map(|_| WriteMessageText {
            kind,
            language,
            source: input.source,
        }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope(context)?.edit("messageTemplate", sent, command, |()| (kind, language));
        Ok(outcome.await?.into())
    }

    /// Has messages of a kind say what is built in.
    /// Permission: tenant.settings
    async fn message_template_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: MessageTemplateResetInput,
    ) -> Result<MessageTemplateResetPayload> {
        let (kind, language) = (input.kind.into(), input.language.into());
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let command = Ok(ResetMessageText { kind, language });
        let outcome = scope(context)?.edit("messageTemplate", sent, command, |()| (kind, language));
        Ok(outcome.await?.into())
    }
}
