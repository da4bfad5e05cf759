//! What an operator and the platform have with each other, through the real server and its front doors: from the onboarding
//! over the first bill to the panel that is locked and opens again. Time is the database's, which every server follows.

mod arrears;
mod growth;
mod journey;
pub(crate) mod people;
mod sweep;
mod told;
