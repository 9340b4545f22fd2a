//! The `postern` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Requests make many small allocations, on several threads: see docs/performance.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    postern_cli::main()
}
