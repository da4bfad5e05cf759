//! The executable schema of a surface.

use std::sync::Arc;

use async_graphql::{
    Data, Executor, ObjectType, Request, Response, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType,
    async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
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
fn builder<Q, M, L>(surface: Surface) -> SchemaBuilder<Q, M, L>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    L: SubscriptionType + Default + 'static,
{
    Schema::build(Q::default(), M::default(), L::default())
        .data(surface)
        .disable_suggestions()
        .register_output_type::<Announced>()
}

impl Served {
    pub(crate) fn new(surface: Surface) -> Self {
        match surface {
            Surface::Staff => Self::Staff(builder(surface).finish()),
            Surface::Portal => Self::Portal(builder(surface).finish()),
            Surface::Platform => Self::Platform(builder(surface).finish()),
        }
    }

    /// One that refuses what it would refuse, and runs nothing.
    pub(crate) fn checking(surface: Surface) -> Self {
        match surface {
            Surface::Staff => Self::Staff(builder(surface).extension(NothingRuns).finish()),
            Surface::Portal => Self::Portal(builder(surface).extension(NothingRuns).finish()),
            Surface::Platform => Self::Platform(builder(surface).extension(NothingRuns).finish()),
        }
    }
}

/// Answers with nothing once a document has passed.
struct NothingRuns;

impl ExtensionFactory for NothingRuns {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for NothingRuns {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
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
