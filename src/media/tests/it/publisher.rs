//! A publisher of our own, where ffmpeg would be too well-behaved.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use media::ingest::amf::{self, Value};
use media::ingest::flv;
use media::ingest::rtmp::chunk::{self, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connected publisher.
pub(crate) struct Publisher(TcpStream);

impl Publisher {
    /// Shakes hands and publishes; answers are read past.
    pub(crate) async fn connect(address: &str, key: &str) -> Publisher {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(&[&[3][..], &[0; 1536]].concat()).await.unwrap();
        socket.read_exact(&mut [0; 1 + 2 * 1536]).await.unwrap();
        socket.write_all(&[0; 1536]).await.unwrap();
        let mut publisher = Publisher(socket);
        let size = Message { kind: 1, time: 0, stream: 0, body: Bytes::copy_from_slice(&4096u32.to_be_bytes()) };
        publisher.message(2, &size).await;
        let connect = Value::Object(vec![("app".to_owned(), "live".into())]);
        publisher.command(0, &["connect".into(), 1.0.into(), connect]).await;
        publisher.command(0, &["createStream".into(), 2.0.into(), Value::Null]).await;
        publisher.command(1, &["publish".into(), 3.0.into(), Value::Null, key.into(), "live".into()]).await;
        let mut answers = vec![0; 4096];
        let mut seen = vec![];
        while !String::from_utf8_lossy(&seen).contains("NetStream.Publish.") {
            let count = publisher.0.read(&mut answers).await.unwrap();
            assert!(count > 0, "server hung up");
            seen.extend_from_slice(&answers[..count]);
        }
        publisher
    }

    async fn message(&mut self, id: u8, message: &Message) {
        let mut out = BytesMut::new();
        chunk::write(&mut out, id, message);
        self.0.write_all(&out).await.unwrap();
    }

    async fn command(&mut self, stream: u32, values: &[Value]) {
        self.message(3, &Message { kind: 20, time: 0, stream, body: amf::encode(values) }).await;
    }

    /// Sends one tag.
    pub(crate) async fn send(&mut self, kind: u8, time: u32, body: Bytes) {
        let body = if kind == flv::DATA {
            Bytes::from([&amf::encode(&["@setDataFrame".into()])[..], &body].concat())
        } else {
            body
        };
        self.message(4, &Message { kind, time, stream: 1, body }).await;
    }

    /// Ends as a well-behaved encoder does.
    pub(crate) async fn goodbye(mut self) {
        self.command(0, &["deleteStream".into(), 4.0.into(), Value::Null, 1.0.into()]).await;
        let _ = self.0.shutdown().await;
        let _ = self.0.read_to_end(&mut vec![]).await;
    }
}

/// The FLV tags of a file.
pub(crate) fn tags(file: &Path) -> Vec<(u8, u32, Bytes)> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-c", "copy", "-f", "flv", "-"])
        .output()
        .unwrap();
    let mut buffer = BytesMut::from(&output.stdout[..]);
    assert!(flv::header(&mut buffer).unwrap());
    std::iter::from_fn(|| flv::tag(&mut buffer).unwrap()).collect()
}
