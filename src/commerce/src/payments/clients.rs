//! Real providers behind the same trait: Toss Payments and Stripe, by their HTTP interfaces.
//!
//! Toss: <https://docs.tosspayments.com/reference> (confirm, cancel, `Idempotency-Key` of at most 300 characters).
//! Stripe: <https://docs.stripe.com/api/payment_intents>, <https://docs.stripe.com/webhooks/signature>.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Charge, Notice, Outcome, Provider, Refund};
use crate::clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::secret;

fn client() -> Result<Client> {
    let built = Client::builder().timeout(Duration::from_secs(4)).build();
    built.map_err(|e| Error::Internal(format!("cannot make an HTTP client: {e}")))
}

fn needed<'a>(value: &'a Option<String>, name: &str) -> Result<&'a str> {
    value.as_deref().ok_or_else(|| Error::Malformed(format!(
            "the payment provider needs `{name}`\n\nhint: give it by the environment, where other users of the machine cannot read it"
        )))
}

/// Sends a request; a missing or unclear answer is no outcome.
async fn send(request: RequestBuilder) -> Result<(StatusCode, Value), Outcome> {
    let unknown = |e: reqwest::Error| Outcome::Unknown(e.without_url().to_string());
    let response = request.send().await.map_err(unknown)?;
    let status = response.status();
    let body = response.json::<Value>().await.map_err(unknown)?;
    // 401: our key is wrong, which is no reason to refuse buyers. 409: another request with the same key is under way.
    // 429 and 5xx: nothing was decided.
    let undecided = [StatusCode::UNAUTHORIZED, StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_server_error() || undecided.contains(&status) {
        return Err(Outcome::Unknown(format!("the provider answered {status}")));
    }
    Ok((status, body))
}

fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Toss Payments.
pub(crate) struct Toss {
    client: Client,
    base: String,
    authorization: String,
}

impl Toss {
    /// With the secret key of the configuration.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let key = needed(&config.payment_key, "--payment-key")?;
        Ok(Toss {
            client: client()?,
            base: config.payment_url.clone().unwrap_or_else(|| "https://api.tosspayments.com".into()),
            authorization: format!("Basic {}", STANDARD.encode(format!("{key}:"))),
        })
    }

    fn post(&self, path: &str, key: String, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        request.header("authorization", &self.authorization).header("idempotency-key", key)
    }

    fn outcome(answer: Result<(StatusCode, Value), Outcome>) -> Outcome {
        let (status, body) = match answer {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        match (status.is_success(), text(&body, "/status")) {
            (true, "DONE" | "CANCELED" | "PARTIAL_CANCELED") => Outcome::Done {
                reference: text(&body, "/paymentKey").to_owned(),
                amount: body.pointer("/totalAmount").and_then(Value::as_i64).unwrap_or(0),
            },
            (true, "READY" | "IN_PROGRESS" | "WAITING_FOR_DEPOSIT") => {
                Outcome::Unknown(format!("the payment is {}", text(&body, "/status")))
            }
            (true, other) => Outcome::Declined(format!("the payment is {other}")),
            // "A temporary error": https://docs.tosspayments.com/reference/error-codes.
            (false, _) if text(&body, "/code") == "PROVIDER_ERROR" => {
                Outcome::Unknown(text(&body, "/message").to_owned())
            }
            (false, _) => Outcome::Declined(format!("{}: {}", text(&body, "/code"), text(&body, "/message"))),
        }
    }

    async fn ask(&self, order: Id) -> Result<Option<Outcome>, Outcome> {
        let url = format!("{}/v1/payments/orders/{order}", self.base);
        let (status, body) = send(self.client.get(url).header("authorization", &self.authorization)).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(Self::outcome(Ok((status, body)))))
    }
}

impl Provider for Toss {
    fn charge(&self, charge: Charge) -> BoxFuture<'_, Outcome> {
        async move {
            let order = charge.order.to_string();
            let body = json!({"paymentKey": charge.token, "orderId": order, "amount": charge.amount});
            let answer = send(self.post("/v1/payments/confirm", order, &body)).await;
            if let Ok((_, body)) = &answer
                && text(body, "/code") == "ALREADY_PROCESSED_PAYMENT"
            {
                let asked = self.ask(charge.order).await;
                return asked.unwrap_or_else(Some).unwrap_or(Outcome::Unknown("the payment is not to be found".into()));
            }
            Self::outcome(answer)
        }
        .boxed()
    }

    fn refund(&self, refund: Refund) -> BoxFuture<'_, Outcome> {
        async move {
            let path = format!("/v1/payments/{}/cancel", refund.reference);
            let body = json!({"cancelReason": "refund", "cancelAmount": refund.amount});
            let answer = send(self.post(&path, format!("{}-refund", refund.order), &body)).await;
            if let Ok((_, body)) = &answer
                && text(body, "/code") == "ALREADY_CANCELED_PAYMENT"
            {
                return Outcome::Done { reference: refund.reference, amount: refund.amount };
            }
            Self::outcome(answer)
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, order: Id, _: &'a str) -> BoxFuture<'a, Result<Option<Outcome>>> {
        async move { Ok(self.ask(order).await.unwrap_or_else(Some)) }.boxed()
    }

    /// Toss does not sign; the notice is only a hint, and the payment is asked for.
    fn notice(&self, _: &axum::http::HeaderMap, body: &[u8]) -> Result<Notice> {
        let body: Value = serde_json::from_slice(body).map_err(|e| Error::Malformed(e.to_string()))?;
        let order = text(&body, "/data/orderId").parse().map_err(|_| Error::Malformed("no order is named".into()))?;
        Ok(Notice { id: format!("toss-{}-{}", text(&body, "/createdAt"), order), order })
    }
}

/// Stripe.
pub(crate) struct Stripe {
    client: Client,
    base: String,
    key: String,
    webhook_secret: String,
}

/// Stripe's tolerance for a webhook's age, in milliseconds.
const WEBHOOK_AGE: i64 = 5 * clock::MINUTE;

impl Stripe {
    /// With the keys of the configuration.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        Ok(Stripe {
            client: client()?,
            base: config.payment_url.clone().unwrap_or_else(|| "https://api.stripe.com".into()),
            key: needed(&config.payment_key, "--payment-key")?.to_owned(),
            webhook_secret: needed(&config.payment_webhook_secret, "--payment-webhook-secret")?.to_owned(),
        })
    }

    fn post(&self, path: &str, key: String, form: &[(&str, String)]) -> RequestBuilder {
        let encoded = serde_urlencode(form);
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(encoded);
        request.header("idempotency-key", key)
    }

    fn outcome(answer: Result<(StatusCode, Value), Outcome>) -> Outcome {
        let (status, body) = match answer {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        match (status.is_success(), text(&body, "/status")) {
            (true, "succeeded") => Outcome::Done {
                reference: text(&body, "/id").to_owned(),
                amount: body.pointer("/amount").and_then(Value::as_i64).unwrap_or(0),
            },
            (true, state @ ("canceled" | "requires_payment_method" | "requires_action" | "failed")) => {
                Outcome::Declined(format!("the payment is {state}"))
            }
            (true, state) => Outcome::Unknown(format!("the payment is {state}")),
            (false, _) => Outcome::Declined(text(&body, "/error/message").to_owned()),
        }
    }
}

/// `application/x-www-form-urlencoded`, with brackets kept in names as Stripe writes them.
fn serde_urlencode(form: &[(&str, String)]) -> String {
    let escape = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~[]".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
    };
    form.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

impl Provider for Stripe {
    fn charge(&self, charge: Charge) -> BoxFuture<'_, Outcome> {
        async move {
            let order = charge.order.to_string();
            let form = [
                ("amount", charge.amount.to_string()),
                ("currency", "krw".into()),
                ("payment_method", charge.token),
                ("confirm", "true".into()),
                // Nobody is there to be sent to another page.
                ("payment_method_types[]", "card".into()),
                ("error_on_requires_action", "true".into()),
                ("metadata[order]", order.clone()),
            ];
            Self::outcome(send(self.post("/v1/payment_intents", order, &form)).await)
        }
        .boxed()
    }

    fn refund(&self, refund: Refund) -> BoxFuture<'_, Outcome> {
        async move {
            let form = [("payment_intent", refund.reference), ("amount", refund.amount.to_string())];
            let mut answer = send(self.post("/v1/refunds", format!("{}-refund", refund.order), &form)).await;
            // A pending refund is accepted: the money comes when the buyer's bank lets it.
            if let Ok((_, body)) = &mut answer
                && text(body, "/status") == "pending"
            {
                body["status"] = "succeeded".into();
            }
            Self::outcome(answer)
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, order: Id, _: &'a str) -> BoxFuture<'a, Result<Option<Outcome>>> {
        async move {
            let query = serde_urlencode(&[("query", format!("metadata['order']:'{order}'"))]);
            let url = format!("{}/v1/payment_intents/search?{query}", self.base);
            let answer = send(self.client.get(url).bearer_auth(&self.key)).await;
            Ok(match answer {
                Ok((status, body)) => body.pointer("/data/0").map(|found| Self::outcome(Ok((status, found.clone())))),
                Err(outcome) => Some(outcome),
            })
        }
        .boxed()
    }

    fn notice(&self, headers: &axum::http::HeaderMap, body: &[u8]) -> Result<Notice> {
        let header = headers.get("stripe-signature").and_then(|v| v.to_str().ok()).unwrap_or("");
        let part = |name: &str| header.split(',').filter_map(|p| p.trim().split_once('=')).find(|(n, _)| *n == name);
        let (Some((_, at)), Some((_, given))) = (part("t"), part("v1")) else { return Err(Error::Unauthenticated) };
        let signed = [at.as_bytes(), b".", body].concat();
        let age = at.parse::<i64>().map_or(i64::MAX, |at| (clock::now() - at.saturating_mul(1000)).abs());
        if age > WEBHOOK_AGE || !secret::same(given, &secret::sign(self.webhook_secret.as_bytes(), &signed)) {
            return Err(Error::Unauthenticated);
        }
        let body: Value = serde_json::from_slice(body).map_err(|e| Error::Malformed(e.to_string()))?;
        let order = text(&body, "/data/object/metadata/order").parse();
        let order = order.map_err(|_| Error::Malformed("no order is named".into()))?;
        Ok(Notice { id: text(&body, "/id").to_owned(), order })
    }
}
