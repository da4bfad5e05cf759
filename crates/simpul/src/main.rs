//! The binary: reads the command line and says why it failed.

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match simpul::run(simpul::cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the command line's last word")]
            {
                eprintln!("simpul: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
