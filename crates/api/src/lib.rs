//! The front door: GraphQL for staff, webhooks for gateways, health for operators. A library: the binary opens the
//! socket.
//!
//! - [`http`]: the router, the frame around every answer, and the GraphQL transport;
//! - [`auth`]: who sent a request, from a signed token;
//! - [`hooks`]: what payment gateways send;
//! - [`gateways`]: a tenant's gateway accounts, opened for one call;
//! - [`graphql`]: the staff schema over use cases and read models.
//!
//! INVARIANT: nothing here decides. Commands go through the bus, questions through read models, and an error that
//! leaves has a code of [`simpul_domain::Code`].

pub mod auth;
mod checkout;
mod error;
pub mod gateways;
pub mod graphql;
pub mod hooks;
pub mod http;
mod state;

pub use error::ApiError;
pub use graphql::sdl;
pub use http::router;
pub use state::ApiState;
