//! RTMPS, HTTPS with HTTP/2, and certificates that are replaced while the server runs.

use std::path::Path;

use crate::encoder::{Codec, push_trusting, sample};
use crate::server::serve;

fn certificate(directory: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem().into_bytes()
}

fn client(authority: &[u8]) -> reqwest::Client {
    let certificate = reqwest::Certificate::from_pem(authority).unwrap();
    reqwest::Client::builder().add_root_certificate(certificate).build().unwrap()
}

#[tokio::test]
async fn publishers_and_viewers_are_served_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificate(directory.path());
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let arguments =
        ["--tls-cert", &cert, "--tls-key", &key, "--rtmps", "127.0.0.1:0", "--https", "127.0.0.1:0", "--http", "off"];
    let server = serve(&arguments);
    let file = sample(Codec::H264, 20, "320x180");
    let port = server.address("rtmps").rsplit(':').next().unwrap().to_owned();
    let _encoder = push_trusting(Path::new(&cert), &file, &format!("rtmps://localhost:{port}/live/k-demo"));
    let port = server.address("viewers").rsplit(':').next().unwrap().to_owned();
    let url = format!("https://localhost:{port}/live/demo/source/live.m3u8");
    let first = client(&authority);
    let begin = std::time::Instant::now();
    let answer = loop {
        assert!(begin.elapsed().as_secs() < 20, "nothing is published");
        let answer = first.get(&url).send().await.unwrap();
        if answer.status() == 200 {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    crate::checker::check(&answer.text().await.unwrap());

    let renewed = certificate(directory.path());
    server.signal("HUP");
    server.logged("certificate was read again");
    assert_eq!(client(&renewed).get(&url).send().await.unwrap().status(), 200);
    assert!(client(&authority).get(&url).send().await.is_err(), "the old certificate is no longer shown");
}

#[tokio::test]
async fn offers_are_taken_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificate(directory.path());
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let server = serve(&["--tls-cert", &cert, "--tls-key", &key, "--whips", "127.0.0.1:0"]);
    let port = server.address("whips").rsplit(':').next().unwrap().to_owned();
    let request = client(&authority).post(format!("https://localhost:{port}/whip/any")).bearer_auth("k-demo");
    let answer = request.header("content-type", "application/sdp").body(crate::whip::OFFER).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let text = answer.text().await.unwrap();
    assert!(text.contains(&format!(" udp 2130706175 127.0.0.1 {port} typ host")), "{text}");
    assert!(text.contains("a=ice-lite"), "{text}");
}
