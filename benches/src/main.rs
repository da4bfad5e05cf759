//! What Simpul measures itself against (DESIGN section 9): always a ratio of two things run in turns, in one run on
//! one machine, with fsync on. `./dev bench <name>` writes `target/bench/<name>.json`.

mod append;
mod load;
mod peers;
mod replay;
mod report;

use anyhow::bail;

/// The allocator of the product, also for the peers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAMES: [&str; 2] = ["append", "replay"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    for name in &wanted {
        if !NAMES.contains(&name.as_str()) {
            bail!("there is no benchmark '{name}', only {}", NAMES.join(" and "));
        }
    }
    if wants("append") {
        report::write("append", &append::run().await?)?;
    }
    if wants("replay") {
        report::write("replay", &replay::run().await?)?;
    }
    Ok(())
}
