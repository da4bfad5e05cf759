//! What Simpul measures itself against (DESIGN section 9): always a ratio of two things run in turns, in one run on
//! one machine, with fsync on. `./dev bench <name>` writes `target/bench/<name>.json`.

mod accounting;
mod append;
mod graphql;
mod invoices;
mod isolir;
mod lag;
mod load;
mod notes;
mod paid;
mod peers;
mod project;
mod replay;
mod report;

use anyhow::bail;

/// The allocator of the product, also for the peers.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const NAMES: [&str; 10] = [
    "append",
    "replay",
    "project",
    "lag",
    "paid",
    "isolir",
    "invoices",
    "graphql",
    "commands",
    "accounting",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = std::env::args().skip(1);
    if let Some(word) = std::env::args().nth(1).filter(|word| graphql::is_server(word)) {
        return graphql::serve(&word, arguments.skip(1)).await;
    }
    let wanted: Vec<String> = arguments.collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    for name in &wanted {
        if !NAMES.contains(&name.as_str()) {
            bail!("there is no benchmark '{name}', only {}", NAMES.join(", "));
        }
    }
    if wants("append") {
        report::write("append", &append::run().await?)?;
    }
    if wants("replay") {
        report::write("replay", &replay::run().await?)?;
    }
    if wants("project") {
        report::write("project", &project::run().await?)?;
    }
    if wants("lag") {
        report::write("lag", &lag::run().await?)?;
    }
    if wants("paid") {
        report::write("paid", &paid::run().await?)?;
    }
    if wants("isolir") {
        report::write("isolir", &isolir::run().await?)?;
    }
    if wants("invoices") {
        report::write("invoices", &invoices::run().await?)?;
    }
    if wants("graphql") {
        report::write("graphql", &graphql::run().await?)?;
    }
    // Part of the whole, for whoever works on it.
    if wanted.iter().any(|name| name == "commands") {
        report::write("commands", &graphql::run_commands().await?)?;
    }
    if wants("accounting") {
        report::write("accounting", &accounting::run().await?)?;
    }
    Ok(())
}
