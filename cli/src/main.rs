//! The `postern` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_cli::main()
}
