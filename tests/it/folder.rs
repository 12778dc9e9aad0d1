//! A folder of its own to run the command in.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with what `terrace init` writes, gone at the end.
pub(crate) struct Folder {
    folder: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// A stack called `shop`, on a simulated cloud in which nothing takes time unless a test says so.
    pub(crate) fn new() -> Self {
        let folder = Self { folder: TempDir::new().unwrap() };
        let said = folder.run(&["init", "--name", "shop"]);
        assert_eq!(said.code, 0, "{said:?}");
        folder.scale("0");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sets how many times faster than AWS the sandbox is.
    pub(crate) fn scale(&self, scale: &str) {
        self.edit("environments/sandbox.yaml", |text| {
            let line = text.lines().find(|line| line.trim_start().starts_with("time_scale:")).unwrap().to_owned();
            text.replace(&line, &format!("  time_scale: {scale}"))
        });
    }

    /// Changes a file.
    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(&str) -> String) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "the edit of {file} changes nothing");
        fs::write(path, changed).unwrap();
    }

    /// The command, ready to run here: no terminal, no input, no AWS settings of the machine's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_terrace"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["NO_COLOR", "TERRACE_ENVIRONMENT", "AWS_PROFILE", "AWS_ENDPOINT_URL"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }

    /// Runs what has to succeed, and returns what it printed on stdout.
    pub(crate) fn expect(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.out
    }
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}
