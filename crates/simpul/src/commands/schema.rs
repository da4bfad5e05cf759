//! `simpul schema`: the GraphQL schemas of the three surfaces.

use std::process::ExitCode;

use simpul_api::{Surface, sdl};

use super::{FOUND, say};

/// Prints the schema of a surface.
pub(crate) fn print(surface: Surface) -> ExitCode {
    say(sdl(surface).trim_end());
    ExitCode::SUCCESS
}

/// Writes the committed files anew.
pub(crate) fn write() -> anyhow::Result<ExitCode> {
    for surface in Surface::ALL {
        std::fs::write(surface.schema_file(), sdl(surface))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares the committed files with the code, and names those that differ.
pub(crate) fn check() -> anyhow::Result<ExitCode> {
    let mut found = ExitCode::SUCCESS;
    for surface in Surface::ALL {
        let file = surface.schema_file();
        let committed = std::fs::read_to_string(file)?;
        if committed.trim_end() != sdl(surface).trim_end() {
            say(format_args!(
                "{file} is not what the code says: run ./dev schema and commit it"
            ));
            found = ExitCode::from(FOUND);
        }
    }
    Ok(found)
}
