//! The strict AWS test server of `tests/aws`, started once per test process and ended with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// A running server.
pub(crate) struct Server {
    /// Its address, such as `http://127.0.0.1:4566`.
    pub(crate) endpoint: String,
    /// Held for its standard input: the server ends when that closes, however this process ends.
    _process: Child,
}

/// An account of its own for one test, so that tests do not see one another.
pub(crate) struct Account {
    /// Twelve digits.
    pub(crate) number: String,
    server: &'static Server,
}

/// The one server of this process.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let (python, folder) = (python(), root().join("tests/aws"));
        let mut process = Command::new(&python)
            .args(["-m", "terrace_aws", "--port", "0"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not run: {error}\n{}", python.display(), how()));
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line).expect("it can be read");
        let endpoint = line.trim().strip_prefix("listening on ");
        let endpoint = endpoint.unwrap_or_else(|| panic!("the AWS test server did not start: {line:?}\n{}", how()));
        Self { endpoint: endpoint.to_owned(), _process: process }
    }

    /// An account nobody has used.
    pub(crate) fn account(&'static self) -> Account {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let account = Account { number: format!("{:012}", NEXT.fetch_add(1, Ordering::Relaxed) + 1), server: self };
        account.post("reset", json!({}));
        account
    }
}

impl Account {
    /// An access key of the account.
    pub(crate) fn access_key(&self) -> String {
        format!("AKIATEST{}", self.number)
    }

    /// Sets how the server behaves: `{"lag": 60, "time_scale": 1000}`.
    pub(crate) fn settings(&self, settings: Value) {
        self.post("settings", settings);
    }

    /// The ids of everything there is, by kind, without what AWS makes by itself.
    pub(crate) fn inventory(&self) -> BTreeMap<String, Vec<String>> {
        let target = format!("/_terrace/inventory?account={}", self.number);
        serde_json::from_value(self.ask("GET", &target, "")).expect("ids by kind")
    }

    /// The operations called so far, in order, such as `ec2.CreateVpc`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let answer = self.ask("GET", &format!("/_terrace/calls?account={}", self.number), "");
        let log = answer["log"].as_array().expect("a log");
        log.iter().map(|entry| entry["call"].as_str().expect("a name").to_owned()).collect()
    }

    /// Sends a control request.
    pub(crate) fn post(&self, name: &str, mut values: Value) -> Value {
        values["account"] = self.number.clone().into();
        self.ask("POST", &format!("/_terrace/{name}"), &values.to_string())
    }

    fn ask(&self, method: &str, target: &str, body: &str) -> Value {
        let address = self.server.endpoint.strip_prefix("http://").expect("it is plain HTTP");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {target}: {body}");
        serde_json::from_str(body).expect("JSON")
    }
}

/// The repository.
fn root() -> PathBuf {
    let start = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = start.ancestors().find(|folder| folder.join("tests/aws").is_dir());
    found.expect("the package lies in the repository").to_owned()
}

/// The Python of the virtual environment the server runs in.
fn python() -> PathBuf {
    if let Some(path) = std::env::var_os("TERRACE_TEST_PYTHON") {
        return path.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.expect("a home").join("terrace/venv/bin/python")
}

fn how() -> &'static str {
    "hint: python3 -m venv ~/.cache/terrace/venv && ~/.cache/terrace/venv/bin/pip install -r tests/aws/requirements.txt, \
     or name another Python in TERRACE_TEST_PYTHON"
}
