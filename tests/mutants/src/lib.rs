//! Planted bugs: does the suite notice?
//!
//! A mutant is an exact edit of the product (`planted/*.toml`) and the narrow tests of which one must fail under it. Each is
//! tried alone in a scratch copy of the checkout with a target directory of its own. A mutant that survives is a missing
//! test; one that does not compile, or whose old text is gone, has shown nothing and fails the run like a survivor.
//!
//! INVARIANT: the named tests pass without a mutant before any mutant counts as killed.

pub mod mutant;
pub mod report;
pub mod suite;
pub mod tree;

pub use mutant::{Edit, Mutant, all};
