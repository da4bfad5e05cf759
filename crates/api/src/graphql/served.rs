//! The executable schema of a surface.

use std::sync::Arc;

use async_graphql::{
    Data, Executor, ObjectType, Request, Response, SDLExportOptions, Schema, SubscriptionType,
};
use futures_util::stream::BoxStream;

use super::{announced::Announced, platform, portal, staff};
use crate::Surface;

/// A surface's schema. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Served {
    Staff(Schema<staff::Query, staff::Mutation, staff::Live>),
    Portal(Schema<portal::Query, portal::Mutation, portal::Live>),
    Platform(Schema<platform::Query, platform::Mutation, platform::Live>),
}

/// Limits are the engine's in front of the schema: its own are checked too late.
fn build<Q, M, L>(surface: Surface) -> Schema<Q, M, L>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    L: SubscriptionType + Default + 'static,
{
    Schema::build(Q::default(), M::default(), L::default())
        .data(surface)
        .disable_suggestions()
        .register_output_type::<Announced>()
        .finish()
}

impl Served {
    pub(crate) fn new(surface: Surface) -> Self {
        match surface {
            Surface::Staff => Self::Staff(build(surface)),
            Surface::Portal => Self::Portal(build(surface)),
            Surface::Platform => Self::Platform(build(surface)),
        }
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl Executor for Served {
    async fn execute(&self, request: Request) -> Response {
        match self {
            Self::Staff(schema) => schema.execute(request).await,
            Self::Portal(schema) => schema.execute(request).await,
            Self::Platform(schema) => schema.execute(request).await,
        }
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        match self {
            Self::Staff(schema) => Executor::execute_stream(schema, request, session),
            Self::Portal(schema) => Executor::execute_stream(schema, request, session),
            Self::Platform(schema) => Executor::execute_stream(schema, request, session),
        }
    }
}

/// The schema of a surface as SDL, as it is committed in [`Surface::schema_file`].
pub fn sdl(surface: Surface) -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    match Served::new(surface) {
        Served::Staff(schema) => schema.sdl_with_options(options),
        Served::Portal(schema) => schema.sdl_with_options(options),
        Served::Platform(schema) => schema.sdl_with_options(options),
    }
}
