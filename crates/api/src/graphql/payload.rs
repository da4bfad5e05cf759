//! What a command answers: the entity as it is now, or why it was refused.

use simpul_event_store::ConsistencyToken;

use super::user_error::UserError;

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

/// Declares a payload of the staff's schema, or of the one that is named behind it:
/// `payload! { InvoiceVoidPayload { invoice: Invoice = InvoiceId } in platform }`. `Invoice::load` reads it back.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $entity:ident: $type:ty = $id:ty }) => {
        $crate::graphql::payload::payload! { $(#[$doc])* $name { $entity: $type = $id } in staff }
    };
    ($(#[$doc:meta])* $name:ident { $entity:ident: $type:ty = $id:ty } in $surface:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name($crate::graphql::payload::Outcome<$id>);

        impl From<$crate::graphql::payload::Outcome<$id>> for $name {
            fn from(outcome: $crate::graphql::payload::Outcome<$id>) -> Self {
                Self(outcome)
            }
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            /// As it is after the command; null when the command was refused.
            async fn $entity(&self, context: &async_graphql::Context<'_>) -> async_graphql::Result<Option<$type>> {
                match &self.0.id {
                    Some(id) => {
                        let id = <$id as Clone>::clone(id);
                        Ok(<$type>::load($crate::graphql::scope::scope(context)?, id).await?)
                    }
                    None => Ok(None),
                }
            }

            /// Why the command was refused; empty when it was accepted.
            async fn user_errors(&self) -> &[$crate::graphql::user_error::UserError] {
                &self.0.errors
            }

            /// Sent back as `X-Consistency-Token`, answers are at least as new as this write. Null when nothing was
            /// written.
            async fn consistency_token(&self) -> Option<String> {
                self.0.token.map(|token| token.to_string())
            }

            /// Reads on, at least as new as this write.
            async fn query(&self) -> $crate::graphql::$surface::Query {
                $crate::graphql::$surface::Query::default()
            }
        }
    };
}
pub(super) use payload;
