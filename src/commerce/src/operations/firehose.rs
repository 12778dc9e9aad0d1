//! One call of Kinesis Data Firehose, `PutRecordBatch`, signed by Signature Version 4. An SDK crate for a single
//! request would weigh more than the shop.
//!
//! <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::error::{Error, Result};
use crate::secret::hex;

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// What is signed and with what.
struct Signing<'a> {
    region: &'a str,
    service: &'a str,
    key: &'a str,
    secret: &'a str,
    /// `20150830T123600Z`.
    at: &'a str,
}

/// The `Authorization` header of a POST to `/` with these headers, which must be sorted and in lower case.
fn authorization(signing: &Signing<'_>, headers: &[(&str, &str)], body: &[u8]) -> String {
    let day = &signing.at[..8];
    let scope = format!("{day}/{}/{}/aws4_request", signing.region, signing.service);
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", signing.at, hex(&Sha256::digest(canonical.as_bytes())));
    let key = [signing.region, signing.service, "aws4_request"]
        .iter()
        .fold(mac(format!("AWS4{}", signing.secret).as_bytes(), day), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", signing.key)
}

/// Where Firehose is: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
fn endpoint(region: &str) -> String {
    let named = ["AWS_ENDPOINT_URL_FIREHOSE", "AWS_ENDPOINT_URL"].iter().find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| format!("https://firehose.{region}.amazonaws.com"))
}

/// How many records of an accepted call were not taken; none if the answer says nothing of it.
pub(crate) fn refused(answer: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(answer).ok()?.get("FailedPutCount")?.as_u64()
}

/// A signed request that puts lines into a stream.
pub(crate) async fn request(
    region: &str,
    stream: &str,
    lines: &[String],
    keys: &object_store::aws::AwsCredentialProvider,
) -> Result<reqwest::Request> {
    let credential = keys.get_credential().await.map_err(|e| Error::Unavailable(e.to_string()))?;
    let records: Vec<_> = lines.iter().map(|line| json!({"Data": STANDARD.encode(format!("{line}\n"))})).collect();
    let body = json!({"DeliveryStreamName": stream, "Records": records}).to_string();
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let at = OffsetDateTime::now_utc().format(format).map_err(|e| Error::Internal(e.to_string()))?;
    let endpoint = endpoint(region);
    let host = endpoint.split_once("://").map_or("", |(_, rest)| rest).trim_end_matches('/').to_owned();
    let target = "Firehose_20150804.PutRecordBatch";
    let mut headers =
        vec![("content-type", "application/x-amz-json-1.1"), ("host", host.as_str()), ("x-amz-date", at.as_str())];
    if let Some(token) = &credential.token {
        headers.push(("x-amz-security-token", token));
    }
    headers.push(("x-amz-target", target));
    let signing =
        Signing { region, service: "firehose", key: &credential.key_id, secret: &credential.secret_key, at: &at };
    let signed = authorization(&signing, &headers, body.as_bytes());
    let url = endpoint.parse().map_err(|_| Error::Malformed(format!("`{endpoint}` is no address of Firehose")))?;
    let mut request = reqwest::Request::new(reqwest::Method::POST, url);
    for (name, value) in headers.into_iter().chain([("authorization", signed.as_str())]) {
        let name: reqwest::header::HeaderName = name.parse().map_err(|_| Error::Internal("a header's name".into()))?;
        let value = value.parse().map_err(|_| Error::Internal("a header's value".into()))?;
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Some(body.into());
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_published_one() {
        // The case `post-vanilla` of AWS's Signature Version 4 test suite.
        let signing = Signing {
            region: "us-east-1",
            service: "service",
            key: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            at: "20150830T123600Z",
        };
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        assert_eq!(
            authorization(&signing, &headers, b""),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }
}
