//! The schemas, by context: one folder or file per domain word, each with its types, questions and commands.
//!
//! There is one type system and three served schemas: `staff`, `portal` and `platform` have the roots, and
//! the portal's and the platform's own types; the contexts beside them have the staff's, and what all share.
//!
//! Resolvers do no work of their own: a question opens a transaction that is as new as the request's token and asks
//! a read model; a command goes to the bus, and its payload reads the entity back at the token of that command.
//! The SDLs are committed as `schema*.graphql`; a name in them is for ever (`facts/graphql.md` section 6).

mod announced;
mod answer;
mod answered;
mod audit;
mod batch;
mod billing;
mod catalog;
mod cursor;
mod customers;
mod days;
mod domains;
mod entitled;
mod fields;
mod identity;
mod jobs;
mod limits;
mod live;
mod message_templates;
mod messaging;
mod network;
mod node;
mod null;
mod operations;
mod page;
mod payload;
mod platform;
mod portal;
mod rate_limit;
mod rows;
mod saas;
mod scalar;
mod scope;
mod served;
mod settings;
mod sift;
mod staff;
mod subscriptions;
mod tenancy;
mod tongue;
mod types;
mod usage_history;
mod user_error;
mod weights;

pub use self::served::sdl;
pub(crate) use self::{
    answer::{MAX_ERRORS, Ran, answer},
    answered::Answered,
    batch::RowsTogether,
    page::MAX_FIRST,
    rows::Plans,
    scope::{Scope, within},
    served::Served,
    tongue::indonesian_error,
    types::{FieldTypes, Place, Places, root},
    weights::{COMMAND, COUNT, OBJECT, SEARCH, SEARCHED_BY, STREAM, longest, surcharge},
};
