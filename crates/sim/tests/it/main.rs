//! Tests of the simulator: seeds that must hold, bugs that must be found, and models that must be true.

mod planted;
mod seeds;
