//! `tests/tools/packaged` and `tests/tools/preflight` agree on what is there, and say what to do.

use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{ROOT, code, soon, text};

/// A machine that has what the scripts are written in, and what a test adds. Nobody is root there.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        let path = std::env::var_os("PATH").unwrap();
        for name in ["bash", "sh", "env", "dirname", "basename", "sed"] {
            let all = std::env::split_paths(&path).map(|directory| directory.join(name));
            let found = all.into_iter().find(|it| it.exists()).unwrap();
            symlink(found, machine.path(name)).unwrap();
        }
        machine.with("id", "echo 1000").with("apt-get", "echo asked >&2; exit 100")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program that does this.
    fn with(self, name: &str, script: &str) -> Self {
        let path = self.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// What becomes of a script: its exit code and what it prints, here and there.
    async fn runs(&self, line: &str, environment: &[(&str, &str)]) -> (i32, String, String) {
        let mut words = line.split(' ');
        let mut command = Command::new(format!("{ROOT}/tests/tools/{}", words.next().unwrap()));
        command.args(words).env_clear().env("PATH", self.0.path());
        let output = command.envs(environment.iter().copied()).output();
        let output = soon("its end", output).await.unwrap();
        (code(&output), text(&output.stdout), text(&output.stderr))
    }
}

/// All ways to ask say this one sentence.
async fn all_say(machine: &Machine, name: &str, environment: &[(&str, &str)], sentence: &str) {
    for way in ["packaged", "packaged --here", "preflight"] {
        let told = machine.runs(&format!("{way} {name}"), environment).await;
        assert_eq!(told, (1, String::new(), format!("{sentence}\n")), "{way}");
    }
}

#[tokio::test]
async fn a_variable_that_names_the_wrong_program_is_an_error_whoever_asks() {
    let machine = Machine::new().with("haproxy", "echo 'HAProxy version 2.4.22-f8e3218 2023'");
    let machine = machine.with("chromium", "exit 1");
    let old = machine.path("haproxy").display().to_string();
    let sentence = |named: &str| {
        format!(
            "HALLPASS_HAPROXY names {named}, which is no HAProxy 2.6 or newer that runs on this \
             machine; correct it, or go on without: unset HALLPASS_HAPROXY"
        )
    };
    for named in ["/nowhere/haproxy", &old] {
        all_say(&machine, "haproxy", &[("HALLPASS_HAPROXY", named)], &sentence(named)).await;
    }
    // All at once.
    let both = [("HALLPASS_HAPROXY", "/nowhere/haproxy"), ("HALLPASS_CHROMIUM", "/nowhere/it")];
    let (code, _, told) = machine.runs("preflight haproxy chromium", &both).await;
    let chromium = "HALLPASS_CHROMIUM names /nowhere/it, which is no chromium that runs on this \
                    machine; correct it, or go on without: unset HALLPASS_CHROMIUM";
    assert_eq!((code, told), (1, format!("{}\n{chromium}\n", sentence("/nowhere/haproxy"))));
}

#[tokio::test]
async fn one_that_is_too_old_does_not_do() {
    for (says, does) in [
        ("HA-Proxy version 2.4.22 2023/06/14", false),
        ("HAProxy version 2.5.14-1 2023/05/02", false),
        ("nginx version 2.6.12", false),
        ("HAProxy version 2.6.12-1+deb12u1 2023/12/16", true),
        ("HAProxy version 2.10.0 2027/01/01", true),
        ("HAProxy version 3.0.5-8e879a5 2024/09/19", true),
    ] {
        let machine = Machine::new().with("haproxy", &format!("echo '{says}'"));
        let path = machine.path("haproxy").canonicalize().unwrap().display().to_string();
        if does {
            let told = machine.runs("packaged haproxy", &[]).await;
            assert_eq!(told, (0, format!("{path}\n"), String::new()), "{says}");
            let told = machine.runs("preflight haproxy", &[]).await;
            assert_eq!(told, (0, String::new(), String::new()), "{says}");
        } else {
            let sentence = format!(
                "{path} is no HAProxy 2.6 or newer that runs on this machine; name another one \
                 with: export HALLPASS_HAPROXY=/path/to/haproxy"
            );
            all_say(&machine, "haproxy", &[], &sentence).await;
        }
    }
}

// A Mac may have one that is not on PATH.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_missing_is_named_with_the_command_that_gets_it() {
    let machine = Machine::new();
    // An empty variable is none.
    for environment in [&[][..], &[("HALLPASS_CHROMIUM", "")]] {
        for way in ["packaged", "preflight"] {
            let told = machine.runs(&format!("{way} chromium"), environment).await;
            let sentence = "chromium is missing; get it with: sudo apt-get install -y chromium\n";
            assert_eq!(told, (1, String::new(), sentence.to_owned()), "{way}");
        }
    }
    // Who only looks installs nothing, even who could: apt-get would have a word.
    let root = machine.with("id", "echo 0");
    let told = root.runs("packaged --here chromium", &[]).await;
    assert_eq!(told, (2, String::new(), String::new()));
    let (_, _, told) = root.runs("preflight chromium", &[]).await;
    assert_eq!(told, "chromium is missing; get it with: apt-get install -y chromium\n");
}
