//! A MariaDB of the tests' own: a free port, its own folder, ended with the process that started it.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

struct MariaDb {
    port: u16,
    folder: PathBuf,
    // The server ends when this pipe closes, however the tests end.
    _alive: ChildStdin,
    _shell: Child,
}

static SERVER: LazyLock<MariaDb> = LazyLock::new(start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts the server under a shell that waits for its input to end, then stops the server and removes its folder.
fn start() -> MariaDb {
    let folder: PathBuf = tempfile::Builder::new().prefix("commerce-mariadb-").tempdir().unwrap().keep();
    let data = folder.join("data");
    let installed = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--user={}", user()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the package `mariadb-server` is installed");
    assert!(installed.success(), "mariadb-install-db failed");
    let port = free_port();
    let script = format!(
        "mariadbd --no-defaults --user={user} --datadir={data} --socket={folder}/s --pid-file={folder}/pid --port={port} \
         --bind-address=127.0.0.1 --max-connections=400 --innodb-buffer-pool-size=256M --innodb-log-file-size=256M \
         >{folder}/log 2>&1 & server=$!; cat >/dev/null; kill -9 $server; wait $server; rm -rf {folder}",
        user = user(),
        data = data.display(),
        folder = folder.display(),
    );
    let mut shell = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
    let mut alive = shell.stdin.take().unwrap();
    alive.flush().unwrap();
    let began = Instant::now();
    while !run(port, "SELECT 1") {
        assert!(began.elapsed() < Duration::from_secs(60), "MariaDB did not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    MariaDb { port, folder, _alive: alive, _shell: shell }
}

fn user() -> String {
    let out = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn run(port: u16, sql: &str) -> bool {
    let client = Command::new("mariadb")
        .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root", "-e", sql])
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    client.is_ok_and(|status| status.success())
}

/// The URL of a new, empty database.
pub(crate) fn database() -> String {
    let server = &*SERVER;
    let name = format!("shop_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    assert!(run(server.port, &format!("CREATE DATABASE {name}")), "cannot make the database {name}");
    format!("mysql://root@127.0.0.1:{}/{name}", server.port)
}

/// The server's process, to measure it.
#[allow(dead_code)]
pub(crate) fn process() -> u32 {
    std::fs::read_to_string(SERVER.folder.join("pid")).unwrap().trim().parse().unwrap()
}

/// Runs a statement on a database made before.
#[allow(dead_code)]
pub(crate) fn execute(url: &str, sql: &str) -> bool {
    let name = url.rsplit('/').next().unwrap();
    run(SERVER.port, &format!("USE {name}; {sql}"))
}
