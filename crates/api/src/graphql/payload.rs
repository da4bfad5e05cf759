//! What a command answers: the entity as it is now, or why it was refused.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, SimpleObject, Value, parser::types::Field,
    registry::Registry,
};
use simpul_event_store::ConsistencyToken;

use super::{platform, portal, scope::scope, staff, user_error::UserError};
use crate::{ApiError, Surface};

/// What became of a command, before its payload type names the entity.
#[derive(Debug)]
pub(super) struct Outcome<I> {
    pub(super) id: Option<I>,
    pub(super) errors: Vec<UserError>,
    pub(super) token: Option<ConsistencyToken>,
}

impl<I> Outcome<I> {
    pub(super) const fn accepted(id: I, token: Option<ConsistencyToken>) -> Self {
        Self {
            id: Some(id),
            errors: Vec::new(),
            token,
        }
    }

    pub(super) const fn refused(errors: Vec<UserError>) -> Self {
        Self {
            id: None,
            errors,
            token: None,
        }
    }

    /// What it is about, and the part that every payload has.
    pub(super) fn split(self) -> (Option<I>, Verdict) {
        let Self { id, errors, token } = self;
        let verdict = Verdict {
            user_errors: errors,
            consistency_token: token.map(|token| token.to_string()),
            query: Root,
        };
        (id, verdict)
    }
}

impl<I> Outcome<Option<I>> {
    /// For a command about an id that its input may not have had: it was refused then.
    pub(super) fn flatten(self) -> Outcome<I> {
        Outcome {
            id: self.id.flatten(),
            errors: self.errors,
            token: self.token,
        }
    }
}

/// What every command answers, whatever it is about.
#[derive(Debug, Default, SimpleObject)]
pub(crate) struct Verdict {
    /// Why the command was refused; empty when it was accepted.
    user_errors: Vec<UserError>,
    /// Sent back as `X-Consistency-Token`, answers are at least as new as this write. Null when nothing was written, and for
    /// whoever was not signed in.
    consistency_token: Option<String>,
    /// Reads on, at least as new as this write. Not for whoever is not signed in: a request of theirs with it does nothing.
    query: Root,
}

impl<I> From<Outcome<I>> for Verdict {
    fn from(outcome: Outcome<I>) -> Self {
        outcome.split().1
    }
}

/// The root of the schema that answers, whichever it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Root;

impl OutputType for Root {
    fn type_name() -> Cow<'static, str> {
        <staff::Query as OutputType>::type_name()
    }

    /// Each schema begins with its own.
    fn create_type_info(_: &mut Registry) -> String {
        Self::qualified_type_name()
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        // The guard lets nobody come here who is not known.
        let surface = scope(context).and_then(|_| context.data().map_err(|_| ApiError::internal()));
        let surface = surface.map_err(|error| {
            let error = async_graphql::Error::from(error);
            context.set_error_path(error.into_server_error(field.pos))
        })?;
        match surface {
            Surface::Staff => staff::Query::default().resolve(context, field).await,
            Surface::Portal => portal::Query::default().resolve(context, field).await,
            Surface::Platform => platform::Query::default().resolve(context, field).await,
        }
    }
}

/// What an accepted command comes to that may be asked about only.
#[derive(Debug)]
pub(super) enum Told<I, P> {
    /// It was carried out.
    Done(I),
    /// It would come to this.
    Would(P),
}

/// Declares a payload: `payload! { InvoiceVoidPayload { invoice: Invoice = InvoiceId } }`. `Invoice::load` reads it back.
/// One that says no more than whether the command was accepted has nothing between the braces; one of a command that may be asked
/// about says what it tells then.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident {}) => {
        $(#[$doc])*
        #[derive(Debug, async_graphql::SimpleObject)]
        pub(crate) struct $name {
            #[graphql(flatten)]
            verdict: $crate::graphql::payload::Verdict,
        }

        impl<I> From<$crate::graphql::payload::Outcome<I>> for $name {
            fn from(outcome: $crate::graphql::payload::Outcome<I>) -> Self {
                let verdict = outcome.into();
                Self { verdict }
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $entity:ident: $type:ty = $id:ty }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            id: Option<$id>,
            verdict: $crate::graphql::payload::Verdict,
        }

        impl From<$crate::graphql::payload::Outcome<$id>> for $name {
            fn from(outcome: $crate::graphql::payload::Outcome<$id>) -> Self {
                let (id, verdict) = outcome.split();
                Self { id, verdict }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            /// As it is after the command; null when the command was refused.
            async fn $entity(&self, context: &async_graphql::Context<'_>) -> async_graphql::Result<Option<$type>> {
                match &self.id {
                    Some(id) => {
                        let id = <$id as Clone>::clone(id);
                        Ok(<$type>::load($crate::graphql::scope::scope(context)?, id).await?)
                    }
                    None => Ok(None),
                }
            }

            #[graphql(flatten)]
            async fn verdict(&self) -> &$crate::graphql::payload::Verdict {
                &self.verdict
            }
        }
    };
    (
        $(#[$doc:meta])* $name:ident { $entity:ident: $type:ty = $id:ty },
        $(#[$preview_doc:meta])* preview: $preview:ty
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            id: Option<$id>,
            preview: Option<$preview>,
            verdict: $crate::graphql::payload::Verdict,
        }

        impl From<$crate::graphql::payload::Outcome<$crate::graphql::payload::Told<$id, $preview>>> for $name {
            fn from(
                outcome: $crate::graphql::payload::Outcome<$crate::graphql::payload::Told<$id, $preview>>,
            ) -> Self {
                let (told, verdict) = outcome.split();
                let (id, preview) = match told {
                    Some($crate::graphql::payload::Told::Done(id)) => (Some(id), None),
                    Some($crate::graphql::payload::Told::Would(preview)) => (None, Some(preview)),
                    None => (None, None),
                };
                Self { id, preview, verdict }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            /// As it is after the command; null when the command was refused, or only asked about.
            async fn $entity(&self, context: &async_graphql::Context<'_>) -> async_graphql::Result<Option<$type>> {
                match &self.id {
                    Some(id) => {
                        let id = <$id as Clone>::clone(id);
                        Ok(<$type>::load($crate::graphql::scope::scope(context)?, id).await?)
                    }
                    None => Ok(None),
                }
            }

            $(#[$preview_doc])*
            async fn preview(&self) -> Option<&$preview> {
                self.preview.as_ref()
            }

            #[graphql(flatten)]
            async fn verdict(&self) -> &$crate::graphql::payload::Verdict {
                &self.verdict
            }
        }
    };
}
pub(super) use payload;
