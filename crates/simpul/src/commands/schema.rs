//! `simpul schema`: the GraphQL schema of the staff API.

use std::process::ExitCode;

use super::{FOUND, say};

const FILE: &str = "schema.graphql";

pub(crate) fn run(check: bool) -> anyhow::Result<ExitCode> {
    let sdl = simpul_api::sdl();
    if !check {
        say(sdl.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let committed = std::fs::read_to_string(FILE)?;
    if committed.trim_end() == sdl.trim_end() {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "{FILE} is not what the code says: run ./dev schema and commit it"
    ));
    Ok(ExitCode::from(FOUND))
}
