//! One file per command. They print to standard output what they were asked for, and nothing else.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod doctor;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod rebuild;
pub(crate) mod restore;
pub(crate) mod router_sim;
pub(crate) mod schema;
pub(crate) mod stuck;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod users;

/// Prints a line that was asked for.
pub(crate) fn say(line: impl std::fmt::Display) {
    #[expect(clippy::print_stdout, reason = "the command line's answer")]
    {
        println!("{line}");
    }
}

/// Exit code of a check that found something.
pub(crate) const FOUND: u8 = 3;
