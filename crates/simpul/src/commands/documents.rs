//! `simpul documents`: the manifest of a client's documents beside the schema that they are to be sent to.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use simpul_api::{Surface, check};

use super::{FOUND, say};
use crate::config::Config;

/// Says what each operation costs, and which of them would be refused and why.
pub(crate) async fn run(config: &Config, manifest: &Path, surface: Surface) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(manifest).with_context(|| format!("reading {}", manifest.display()))?;
    let mut found = ExitCode::SUCCESS;
    for operation in check(surface, &text, &config.limits.into()).await? {
        let name = operation.operation.as_deref().unwrap_or("(no name)");
        say(format_args!(
            "{:>6} points  {name}  {}",
            operation.cost, operation.id
        ));
        for fault in &operation.faults {
            say(format_args!("  refused: {fault}"));
            found = ExitCode::from(FOUND);
        }
    }
    Ok(found)
}
