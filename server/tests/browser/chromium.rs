//! Debian's Chromium, driven through its `chromedriver`.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

pub(crate) struct Chromium {
    client: Client,
    _driver: Driver,
    /// The browser's files, removed when it has ended.
    _folder: TempDir,
}

/// `chromedriver` and the browser's processes, all in one group.
struct Driver(Child);

/// Headless, and without connections except to the pages' servers. As root it has no sandbox.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP docs.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--window-size=1280,1600",
];

impl Chromium {
    pub(crate) async fn start() -> Self {
        let browser = path("chromium");
        let (driver, port) = Driver::start();
        let folder = TempDir::with_prefix("plumbline-").unwrap();
        let own = format!("--user-data-dir={}", folder.path().display());
        let arguments: Vec<_> = ARGUMENTS.iter().copied().chain([own.as_str()]).collect();
        let capabilities = json!({
            "goog:chromeOptions": { "binary": browser, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("chromium does not start: {error}"));
        Self { client, _driver: driver, _folder: folder }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The value that the script passes to its last argument.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute_async(script, arguments).await.unwrap()
    }

    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }

    /// The console's messages since the last call: errors of scripts, violations of a policy.
    pub(crate) async fn console(&self) -> Vec<String> {
        self.log("browser").await.iter().map(ToString::to_string).collect()
    }

    /// The URLs requested since the last call, failed ones included, except internal ones: the browser's first page
    /// (`chrome:`) and embedded data (`data:`).
    pub(crate) async fn requested(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let messages = entries.iter().map(|entry| entry["message"].as_str().unwrap());
        let events = messages.map(|text| serde_json::from_str::<Value>(text).unwrap()["message"].take());
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned())
            .filter(|url| !url.starts_with("chrome:") && !url.starts_with("data:"))
            .collect()
    }

    async fn log(&self, name: &'static str) -> Vec<Value> {
        let log = self.client.issue_cmd(Log(name)).await.unwrap();
        log.as_array().unwrap().clone()
    }
}

/// Chromium's own command, which the standard does not have.
#[derive(Debug)]
struct Log(&'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.expect("there is one since `connect`")))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

impl Driver {
    /// Starts it, and returns the port that it chose.
    fn start() -> (Self, u16) {
        // The shell's input closes when this process ends for any reason, and then the shell kills the whole group.
        let script = "{ \"$0\" --port=0; kill -KILL 0; } & read -r _; kill -KILL 0";
        let driver = Command::new("sh")
            .args(["-c", script, &path("chromedriver")])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut driver = Self(driver.unwrap());
        let lines = BufReader::new(driver.0.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        let mut said = lines
            .filter_map(|line| line.split_once("successfully on port ").map(|(_, port)| port.to_owned()));
        let port = said.next().expect("chromedriver starts, or says why not");
        let port = port.trim_end_matches('.').parse().expect("a port is a number");
        (driver, port)
    }

    fn signal(&self, name: &str) -> bool {
        let group = format!("-{}", self.0.id());
        let told = Command::new("kill").args(["-s", name, "--", &group]).stderr(Stdio::null()).status();
        told.is_ok_and(|told| told.success())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.0.wait();
        // The last process may still write into the folder, which is removed next.
        for _ in 0..100 {
            if !self.signal("0") {
                return;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

/// Where a program is.
fn path(program: &str) -> String {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    assert!(
        found.status.success(),
        "`{program}` is not on PATH, and these tests drive a real browser; \
         install Debian's packages chromium and chromium-driver"
    );
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}
