//! The servers in other languages: how to install and start them, and how large they are.

use crate::contestant::{ACCESS_KEY, root, work_directory};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server in another language.
pub struct ExternalServer {
    folder: &'static str,
    files: &'static [&'static str],
    /// Commands that install it, run in its directory.
    install: &'static [&'static [&'static str]],
    start: &'static [&'static str],
    /// The installed files, below its directory.
    installed: &'static str,
}

/// Node with fastify.
pub const NODE: ExternalServer = ExternalServer {
    folder: "node",
    files: &["package.json", "server.mjs"],
    install: &[&["npm", "install", "--no-audit", "--no-fund", "--silent"]],
    start: &["node", "server.mjs"],
    installed: "node_modules",
};

/// Python with FastAPI.
pub const PYTHON: ExternalServer = ExternalServer {
    folder: "python",
    files: &["requirements.txt", "server.py"],
    install: &[
        &["python3", "-m", "venv", "installed"],
        &["installed/bin/python", "-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    start: &["installed/bin/python", "server.py"],
    installed: "installed",
};

impl ExternalServer {
    fn directory(&self) -> Result<PathBuf> {
        Ok(work_directory()?.join(self.folder))
    }

    /// Installs it from its language's registry.
    ///
    /// # Errors
    /// If a tool is missing or fails.
    pub fn install(&self) -> Result<()> {
        let directory = self.directory()?;
        fs::create_dir_all(&directory)?;
        for file in self.files {
            fs::copy(root().join("bench").join(self.folder).join(file), directory.join(file))?;
        }
        for line in self.install {
            let status = command(line, &directory)?.stdout(Stdio::null()).status();
            ensure!(status.with_context(|| line.join(" "))?.success(), "`{}` failed", line.join(" "));
        }
        Ok(())
    }

    /// The command that serves it and prints its address to standard output.
    pub fn command(&self, endpoint: &str) -> Result<Command> {
        let mut command = command(self.start, &self.directory()?)?;
        command
            .env("NODE_ENV", "production")
            .env("ACS_ENDPOINT", endpoint)
            .env("ACS_ACCESS_KEY", ACCESS_KEY)
            .env("POLICY", root().join("tests/fixtures/cost/policy").canonicalize()?);
        Ok(command)
    }

    /// The size of what was installed, in bytes, without the language itself.
    pub fn size(&self) -> Result<u64> {
        size(&self.directory()?.join(self.installed))
    }
}

fn command(line: &[&str], directory: &Path) -> Result<Command> {
    let (program, arguments) = line.split_first().context("a command")?;
    // A path is relative to the server's directory; a bare name is looked up in the search path.
    let program = if program.contains('/') { directory.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    Ok(command)
}

fn size(path: &Path) -> Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}
