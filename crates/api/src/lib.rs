//! The front door: GraphQL for staff, customers and the platform, webhooks for gateways, health for operators. A library: the binary opens the
//! socket.
//!
//! - [`Surface`]: the three APIs, and what each lets in;
//! - [`http`]: the router, the frame around every answer, and the GraphQL transport;
//! - `engine`: an operation from its text to its answer, guarded and priced;
//! - `live`: streams of answers, over WebSocket and server-sent events;
//! - [`budget`]: how much a client may ask for;
//! - [`auth`]: who sent a request, from a signed token;
//! - [`identity`]: how somebody gets in, stays in and gets out;
//! - [`hooks`]: what payment gateways and messengers send;
//! - `radius`: what FreeRADIUS hands over of routers' accounting;
//! - [`gateways`], [`senders`]: a tenant's accounts at gateways and messengers, opened for one call;
//! - [`till`]: asking gateways for checkouts; [`poller`]: asking them what became of one;
//! - [`metrics`]: what this process does, in numbers;
//! - [`usage`]: which fields are asked for, and by which clients;
//! - `together`: questions of many requests, answered at once;
//! - [`repairs`]: what is tried again for a person;
//! - [`graphql`]: the schemas over use cases and read models;
//! - [`contract`]: what a schema promises, and how it may change.
//!
//! INVARIANT: nothing here decides. Commands go through the bus, questions through read models, and an error that
//! leaves has a code of [`simpul_domain::Code`].

pub mod auth;
pub mod budget;
mod checkout;
pub mod contract;
pub mod domains;
mod engine;
mod error;
mod features;
pub mod gateways;
pub mod graphql;
pub mod hooks;
pub mod http;
pub mod identity;
mod live;
pub mod metrics;
mod offer;
pub mod poller;
mod radius;
pub mod repairs;
mod saas_desk;
pub mod senders;
mod state;
pub mod strangers;
mod surface;
pub mod till;
mod together;
pub mod usage;

pub use engine::{Checked, ManifestError, TrustedDocuments, check};
pub use error::ApiError;
pub use graphql::sdl;
pub use http::{Proxies, ProxyHeader, Settings, no_room, router};
pub use radius::Radius;
pub use state::{ApiState, Parts};
pub use surface::{BySurface, Surface};
