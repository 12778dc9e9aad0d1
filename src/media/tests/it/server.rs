//! A `media` process under test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    data: PathBuf,
    _directory: Option<tempfile::TempDir>,
}

/// `media serve` with a stream `demo` whose key is `k-demo`, without ladder and thumbnails unless asked for.
pub(crate) fn serve(arguments: &[&str]) -> Server {
    serve_with(arguments, &[("MEDIA_STREAMS", "demo=k-demo,other=k-other"), ("MEDIA_ADMIN_TOKEN", "t-admin")])
}

pub(crate) fn serve_with(arguments: &[&str], environment: &[(&str, &str)]) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = serve_in(&data, arguments, environment);
    server._directory = Some(directory);
    server
}

/// The same in a directory that outlives the process.
pub(crate) fn serve_in(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
    let defaults = [
        ("--rtmp", "127.0.0.1:0"),
        ("--http", "127.0.0.1:0"),
        ("--admin", "127.0.0.1:0"),
        ("--ladder", "off"),
        ("--thumbnail-s", "0"),
        ("--public-url", "http://media.test"),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_media"));
    command.arg("serve").arg("--data").arg(data).args(arguments);
    for (name, value) in defaults.iter().filter(|(name, _)| !arguments.contains(name)) {
        command.args([name, value]);
    }
    start(command, data.to_owned(), environment)
}

/// `media edge`.
pub(crate) fn edge(arguments: &[&str], environment: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_media"));
    command.args(["edge", "--http", "127.0.0.1:0"]).args(arguments);
    let server = start(command, PathBuf::new(), environment);
    server.address("viewers");
    server
}

fn start(mut command: Command, data: PathBuf, environment: &[(&str, &str)]) -> Server {
    command.env_remove("MEDIA_STREAMS").envs(environment.iter().copied());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = Arc::new(Mutex::new(vec![]));
    let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            kept.lock().unwrap().push(value);
        }
    });
    let server = Server { child, log, data, _directory: None };
    server.until("is ready", || {
        let log = server.log.lock().unwrap();
        let said = |text| log.iter().any(|line| line["message"].as_str().is_some_and(|message| message.contains(text)));
        (said("media is ready") || said("listening for viewers")).then_some(())
    });
    server
}

impl Server {
    fn until<T>(&self, what: &str, check: impl Fn() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = check() {
                return found;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "server never {what}; log: {:#?}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a listener: `viewers`, `admin`, `rtmp` or `rtmps`; with TLS the second one of viewers.
    pub(crate) fn address(&self, what: &str) -> String {
        self.addresses(what).remove(0)
    }

    pub(crate) fn addresses(&self, what: &str) -> Vec<String> {
        let message = format!("listening for {what}");
        self.until(&message, || {
            let log = self.log.lock().unwrap();
            let found = log.iter().filter(|line| line["message"] == message.as_str());
            let found: Vec<String> = found.filter_map(|line| Some(line["address"].as_str()?.to_owned())).collect();
            (!found.is_empty()).then_some(found)
        })
    }

    /// A URL for viewers.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("viewers"))
    }

    /// Where encoders push to.
    pub(crate) fn push_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.address("rtmp"))
    }

    /// Where WHIP publishers push to.
    pub(crate) fn whip_url(&self) -> String {
        format!("http://{}/whip", self.address("whip"))
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log with this message and gives it.
    pub(crate) fn logged(&self, message: &str) -> Value {
        self.until(message, || self.log.lock().unwrap().iter().find(|line| line["message"] == message).cloned())
    }

    /// Waits for an event.
    pub(crate) fn event(&self, kind: &str) -> Value {
        self.until(kind, || self.log.lock().unwrap().iter().find(|line| line["event"] == kind).cloned())
    }

    /// Kilobytes of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, or SIGHUP.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(&mut self, patience: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One client for all tests; it keeps no connection, because each test has a runtime of its own.
pub(crate) fn client() -> &'static reqwest::Client {
    static CLIENT: std::sync::OnceLock<reqwest::Client> = std::sync::OnceLock::new();
    CLIENT.get_or_init(|| reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap())
}

/// The body of an answer, whatever its status.
pub(crate) async fn get(url: &str) -> (u16, Vec<u8>) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

/// The text of a good answer, waited for.
pub(crate) async fn text(url: &str) -> String {
    let begin = Instant::now();
    loop {
        let (status, body) = get(url).await;
        if status == 200 {
            return String::from_utf8(body).unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{url} stays at {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
