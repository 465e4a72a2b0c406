//! The `verify` binary, run as its users run it.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `verify` in a folder, with an environment that holds no more than a path.
pub(crate) async fn verify(folder: &Path, arguments: &[&str]) -> Ended {
    verify_with(folder, arguments, &[]).await
}

pub(crate) async fn verify_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_verify"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary was built for this test");
    let ended = Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("panicked") && !said.contains("stack backtrace"), "{said}");
    ended
}

impl Ended {
    /// The output of a `--report json` run.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// The ids of the checks that failed.
    pub(crate) fn failed(&self) -> Vec<String> {
        self.with_status("fail")
    }

    /// The ids of the checks with this status, in the report's order.
    pub(crate) fn with_status(&self, status: &str) -> Vec<String> {
        let json = self.json();
        let findings = json["findings"].as_array().cloned().unwrap_or_default();
        findings
            .iter()
            .filter(|finding| finding["status"] == status)
            .map(|finding| finding["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The observations of one check.
    pub(crate) fn observed(&self, id: &str) -> String {
        let json = self.json();
        let findings = json["findings"].as_array().cloned().unwrap_or_default();
        let finding =
            findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("no finding {id}"));
        finding["observed"].as_str().unwrap_or_default().to_owned()
    }
}
