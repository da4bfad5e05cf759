//! What is stuck, and what people do about it.

mod ids;
mod interventions;
mod stuck;

pub(crate) use self::{
    interventions::{Intervention, OperationsMutation},
    stuck::OperationsQuery,
};
