//! S3 and Firehose, by moto's server as the local peer: pictures and analytics events.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::harness::{Engine, Service};

/// A local AWS of the test's own, ended with it.
struct Aws {
    url: String,
    child: Child,
    client: Client,
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Aws {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let python = std::env::var("TERRACE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(&python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run `{python}`: {e}"));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "`{python}` has no moto (PyPI: moto[server])");
            assert!(began.elapsed() < Duration::from_secs(60), "moto did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Aws { url: format!("http://127.0.0.1:{port}"), child, client: Client::new() }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".into()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            ("AWS_REGION", "ap-northeast-2".into()),
        ]
    }

    async fn bucket(&self, name: &str) {
        let place = "<CreateBucketConfiguration><LocationConstraint>ap-northeast-2</LocationConstraint>\
            </CreateBucketConfiguration>";
        let made = self.client.put(format!("{}/{name}", self.url)).body(place).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    }

    /// The names of a bucket's objects.
    async fn objects(&self, bucket: &str) -> Vec<String> {
        let list = self.client.get(format!("{}/{bucket}?list-type=2", self.url)).send().await.unwrap();
        let text = list.text().await.unwrap();
        text.split("<Key>").skip(1).map(|part| part.split("</Key>").next().unwrap().to_owned()).collect()
    }

    /// The lines of all objects of a bucket.
    async fn lines(&self, bucket: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        for name in self.objects(bucket).await {
            let request = self.client.get(format!("{}/{bucket}/{name}", self.url));
            let answer = request.header("authorization", signature("s3")).send().await.unwrap();
            assert!(answer.status().is_success(), "{name}: {}", answer.status());
            let text = answer.text().await.unwrap();
            lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        lines
    }

    async fn firehose(&self, operation: &str, body: Value) -> Value {
        let request = self.client.post(&self.url).header("x-amz-target", format!("Firehose_20150804.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let answer =
            request.header("authorization", signature("firehose")).body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{operation}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// What names the caller and the service to moto, which does not check it.
fn signature(service: &str) -> String {
    let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/ap-northeast-2/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}

#[tokio::test]
async fn pictures_live_in_s3() {
    let aws = Aws::start();
    aws.bucket("pictures").await;
    let service = Service::within(Engine::Sqlite, &["--pictures", "s3://pictures/shop"], &aws.environment());
    let seller = service.user(true).await;
    let product = service.product(&seller, json!({})).await;
    let mut png = Vec::new();
    let drawn = image::DynamicImage::new_rgb8(60, 40);
    drawn.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let request = service.client.post(format!("{}/api/v1/products/{product}/pictures", service.base));
    let request = request.bearer_auth(&seller.token).header("content-type", "image/png").body(png);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 201, "{text}");
    let name = serde_json::from_str::<Value>(&text).unwrap()["name"].as_str().unwrap().to_owned();
    let mut stored = aws.objects("pictures").await;
    stored.sort();
    assert_eq!(stored, [format!("shop/{name}-small.jpg"), format!("shop/{name}.jpg")]);
    let served = service.client.get(format!("{}/pictures/{name}.jpg", service.base)).send().await.unwrap();
    assert_eq!(image::load_from_memory(&served.bytes().await.unwrap()).unwrap().width(), 60);
    let missing = service.client.get(format!("{}/pictures/none.jpg", service.base)).send().await.unwrap();
    assert_eq!(missing.status().as_u16(), 404);
}

/// Lets something be bought, then stops the shop, which sends what waits.
async fn bought(mut service: Service) -> String {
    let (seller, buyer) = (service.user(true).await, service.user(false).await);
    let product = service.product(&seller, json!({})).await;
    let order = service.ordered(&buyer, &product).await;
    service.until(&buyer, &order, "paid").await;
    service.ask(None, Method::GET, "/", Value::Null).await;
    assert!(service.stop().0);
    order
}

fn told(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn events_go_to_s3_by_day() {
    let aws = Aws::start();
    aws.bucket("events").await;
    let service = Service::within(Engine::Sqlite, &["--events", "s3://events/raw"], &aws.environment());
    let order = bought(service).await;
    let names = aws.objects("events").await;
    assert!(names.iter().all(|name| name.starts_with("raw/day=20") && name.ends_with(".ndjson")), "{names:?}");
    let lines = aws.lines("events").await;
    assert_eq!(told(&lines), ["order.placed", "order.paid", "seen"]);
    assert_eq!(lines[0]["order"], order.as_str());
}

#[tokio::test]
async fn events_go_through_firehose() {
    let aws = Aws::start();
    aws.bucket("delivered").await;
    let place = json!({"RoleARN": "arn:aws:iam::123456789012:role/delivery", "BucketARN": "arn:aws:s3:::delivered"});
    let stream = json!({"DeliveryStreamName": "shop", "ExtendedS3DestinationConfiguration": place});
    aws.firehose("CreateDeliveryStream", stream).await;
    let options = ["--events", "firehose:ap-northeast-2/shop"];
    let order = bought(Service::within(Engine::Sqlite, &options, &aws.environment())).await;
    let lines = aws.lines("delivered").await;
    assert_eq!(told(&lines), ["order.placed", "order.paid", "seen"]);
    assert_eq!(lines[1]["order"], order.as_str());
}
