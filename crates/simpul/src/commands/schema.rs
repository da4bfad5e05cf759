//! `simpul schema`: the GraphQL schemas of the three surfaces, and the document of events on RabbitMQ.

use std::process::ExitCode;

use simpul_adapters::bus::asyncapi;
use simpul_api::{
    Surface,
    contract::{self, Contract},
    sdl,
};

use super::{FOUND, say};

/// Prints the schema of a surface.
pub(crate) fn print(surface: Surface) -> ExitCode {
    say(sdl(surface).trim_end());
    ExitCode::SUCCESS
}

/// Every committed file that follows from the code, with what it should hold.
fn documents() -> Vec<(&'static str, String)> {
    let mut documents: Vec<_> = Surface::ALL
        .into_iter()
        .map(|surface| (surface.schema_file(), sdl(surface)))
        .collect();
    documents.push(("docs/asyncapi.yaml", asyncapi::yaml()));
    documents
}

/// Writes the committed files anew.
pub(crate) fn write() -> anyhow::Result<ExitCode> {
    for (file, text) in documents() {
        std::fs::write(file, text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares the committed files with the code, and names those that differ.
pub(crate) fn check() -> anyhow::Result<ExitCode> {
    let mut found = ExitCode::SUCCESS;
    for (file, text) in documents() {
        let committed = std::fs::read_to_string(file)?;
        if committed.trim_end() != text.trim_end() {
            say(format_args!(
                "{file} is not what the code says: run ./dev schema and commit it"
            ));
            found = ExitCode::from(FOUND);
        }
    }
    Ok(found)
}

/// Writes the schemas as they are released.
pub(crate) fn release() -> anyhow::Result<ExitCode> {
    for surface in Surface::ALL {
        std::fs::write(surface.released_file(), sdl(surface))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists what has changed since the last release.
pub(crate) fn changes() -> anyhow::Result<ExitCode> {
    for surface in Surface::ALL {
        let released = Contract::read(&std::fs::read_to_string(surface.released_file())?)?;
        for change in contract::changes(&released, &Contract::read(&sdl(surface))?) {
            say(format_args!("{surface}: {change}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
