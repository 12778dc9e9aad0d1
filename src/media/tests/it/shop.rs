//! Both services together: a seller goes live, somebody buys the last unit, the replay stays.
//!
//! `commerce` is met as a process, as in production; neither crate knows the other. What people do is in `shop.mjs`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::encoder::{Codec, DEBIAN, sample};
use crate::server::{edge, serve_with};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// When the newest file under a folder was changed.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let times =
        entries.map(|path| if path.is_dir() { newest(&path) } else { path.metadata().unwrap().modified().unwrap() });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The `commerce` program beside ours. A run of the whole workspace has just built it; otherwise it is built if it is older than
/// what it is made of.
fn commerce() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_media")).with_file_name("commerce");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("commerce");
    let parts = ["src", "templates", "assets", "migrations"].map(|part| newest(&sources.join(part)));
    let built = program.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    if parts.into_iter().any(|changed| changed > built) {
        let target = program.ancestors().nth(2).unwrap();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = sources.join("Cargo.toml");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--locked", "--bin", "commerce", "--manifest-path"]).arg(manifest);
        build.arg("--target-dir").arg(target);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "commerce cannot be built");
    }
    program
}

/// A running shop; killed when dropped.
struct Shop {
    child: Child,
    base: String,
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(program: &Path, database: &str, data: &Path, media: &str) -> Shop {
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--database", database, "--media-url", media])
        .arg("--data")
        .arg(data);
    command.env("MEDIA_SECRET", SECRET).env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().expect("the shop says where it listens").unwrap();
    let base = line.strip_prefix("listening on ").unwrap().to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Shop { child, base }
}

#[test]
fn a_seller_sells_the_last_unit_live_and_the_replay_plays() {
    let (program, file) = (commerce(), sample(Codec::H264, 20, "640x360"));
    let began = Instant::now();
    let directory = tempfile::tempdir().unwrap();
    // Each service must be told the other's address before it starts: one port is chosen here.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let media = format!("http://127.0.0.1:{port}");
    let database = format!("sqlite:{}", directory.path().join("shop.db").display());
    let shop = open(&program, &database, &directory.path().join("shop"), &media);
    let (hooks, viewers) = (format!("{}/hooks/media", shop.base), format!("127.0.0.1:{port}"));
    let arguments =
        ["--commerce", &hooks, "--http", &viewers, "--public-url", &media, "--ladder", "240p", "--thumbnail-s", "2"];
    let server = serve_with(&arguments, &[("MEDIA_SECRET", SECRET)]);
    // An edge that asks the shop where the stream is.
    let edge = edge(&["--commerce", &hooks], &[("MEDIA_SECRET", SECRET)]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/shop.mjs");
    let mut node = Command::new("node");
    node.arg(script).args([&shop.base, server.push_url("").trim_end_matches('/'), DEBIAN]).arg(file).arg(edge.url(""));
    node.args(std::env::var("MEDIA_TEST_PICTURES").ok());
    let output = node.output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{wrong}\n{:#?}", server.log());
    println!("{said}");
    let seen: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    let number = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("no {name} in {seen}"));
    assert_eq!(seen["complaints"], serde_json::json!([]), "{seen}");
    assert!(number("width") >= 426.0, "{seen}");
    assert!(number("latency") < 4.0, "{seen}");
    assert!(number("replay_seconds") > 5.0, "{seen}");
    // One was there, one was sold, and it was paid for once.
    let books = Command::new(&program).args(["verify", "--database", &database]).output().unwrap();
    let books = String::from_utf8_lossy(&books.stdout).into_owned();
    assert!(books.contains("1 orders paid, 1 charges"), "{books}");
    assert!(began.elapsed() < Duration::from_secs(60), "took {:?}", began.elapsed());
}
