//! The properties of a load balancer that are attributes to AWS: text by key.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute;

use super::{Desync, ForwardedFor, LoadBalancer, Logs, hour, minute};

/// The properties the attributes hold.
pub(super) const PROPERTIES: &[&str] = &[
    "deletion_protection",
    "idle_timeout",
    "client_keep_alive",
    "http2",
    "drop_invalid_headers",
    "desync",
    "preserve_host",
    "forwarded_for",
    "forwarded_port",
    "tls_headers",
    "waf_fail_open",
    "zonal_shift",
    "access_logs",
    "connection_logs",
];

/// The attributes of these properties.
pub(super) fn write(wanted: &LoadBalancer, properties: &[&str]) -> Vec<LoadBalancerAttribute> {
    let attribute = |(key, value): (String, String)| LoadBalancerAttribute::builder().key(key).value(value).build();
    properties.iter().flat_map(|property| one(wanted, property)).map(attribute).collect()
}

fn one(wanted: &LoadBalancer, property: &str) -> Vec<(String, String)> {
    let (key, value) = match property {
        "deletion_protection" => ("deletion_protection.enabled", wanted.deletion_protection.to_string()),
        "idle_timeout" => ("idle_timeout.timeout_seconds", wanted.idle_timeout.to_string()),
        "client_keep_alive" => ("client_keep_alive.seconds", wanted.client_keep_alive.to_string()),
        "http2" => ("routing.http2.enabled", wanted.http2.to_string()),
        "drop_invalid_headers" => {
            ("routing.http.drop_invalid_header_fields.enabled", wanted.drop_invalid_headers.to_string())
        }
        "desync" => ("routing.http.desync_mitigation_mode", desync(wanted.desync).to_owned()),
        "preserve_host" => ("routing.http.preserve_host_header.enabled", wanted.preserve_host.to_string()),
        "forwarded_for" => {
            ("routing.http.xff_header_processing.mode", forwarded_for(wanted.forwarded_for).to_owned())
        }
        "forwarded_port" => ("routing.http.xff_client_port.enabled", wanted.forwarded_port.to_string()),
        "tls_headers" => {
            ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", wanted.tls_headers.to_string())
        }
        "waf_fail_open" => ("waf.fail_open.enabled", wanted.waf_fail_open.to_string()),
        "zonal_shift" => ("zonal_shift.config.enabled", wanted.zonal_shift.to_string()),
        "access_logs" => return logs("access_logs", wanted.access_logs.as_ref()),
        "connection_logs" => return logs("connection_logs", wanted.connection_logs.as_ref()),
        _ => return Vec::new(),
    };
    vec![(key.to_owned(), value)]
}

fn logs(name: &str, logs: Option<&Logs>) -> Vec<(String, String)> {
    let mut attributes = vec![(format!("{name}.s3.enabled"), logs.is_some().to_string())];
    if let Some(logs) = logs {
        attributes.push((format!("{name}.s3.bucket"), logs.bucket.clone()));
        attributes.push((format!("{name}.s3.prefix"), logs.prefix.clone()));
    }
    attributes
}

fn desync(mode: Desync) -> &'static str {
    match mode {
        Desync::Monitor => "monitor",
        Desync::Defensive => "defensive",
        Desync::Strictest => "strictest",
    }
}

fn forwarded_for(mode: ForwardedFor) -> &'static str {
    match mode {
        ForwardedFor::Append => "append",
        ForwardedFor::Preserve => "preserve",
        ForwardedFor::Remove => "remove",
    }
}

/// Reads the attributes into a load balancer. One that is not listed has AWS's own choice.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>
pub(super) fn read(attributes: &BTreeMap<String, String>, live: LoadBalancer) -> LoadBalancer {
    let text = |key: &str| attributes.get(key).map(String::as_str);
    let on = |key: &str| text(key) == Some("true");
    let number = |key: &str, otherwise: u32| text(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let logs = |name: &str| {
        on(&format!("{name}.s3.enabled")).then(|| Logs {
            bucket: text(&format!("{name}.s3.bucket")).unwrap_or_default().to_owned(),
            prefix: text(&format!("{name}.s3.prefix")).unwrap_or_default().to_owned(),
        })
    };
    LoadBalancer {
        deletion_protection: on("deletion_protection.enabled"),
        idle_timeout: number("idle_timeout.timeout_seconds", minute()),
        client_keep_alive: number("client_keep_alive.seconds", hour()),
        http2: text("routing.http2.enabled") != Some("false"),
        drop_invalid_headers: on("routing.http.drop_invalid_header_fields.enabled"),
        desync: match text("routing.http.desync_mitigation_mode") {
            Some("monitor") => Desync::Monitor,
            Some("strictest") => Desync::Strictest,
            _ => Desync::Defensive,
        },
        preserve_host: on("routing.http.preserve_host_header.enabled"),
        forwarded_for: match text("routing.http.xff_header_processing.mode") {
            Some("preserve") => ForwardedFor::Preserve,
            Some("remove") => ForwardedFor::Remove,
            _ => ForwardedFor::Append,
        },
        forwarded_port: on("routing.http.xff_client_port.enabled"),
        tls_headers: on("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"),
        waf_fail_open: on("waf.fail_open.enabled"),
        zonal_shift: on("zonal_shift.config.enabled"),
        access_logs: logs("access_logs"),
        connection_logs: logs("connection_logs"),
        ..live
    }
}

#[cfg(test)]
mod tests {
    use engine::Kind;

    use super::*;

    #[test]
    fn attributes_read_back_as_they_were_written() {
        for wanted in LoadBalancer::variants() {
            let written = write(&wanted, PROPERTIES).into_iter();
            let attributes = written.filter_map(|one| Some((one.key?, one.value?))).collect();
            let read = read(&attributes, LoadBalancer { idle_timeout: 1, http2: false, ..wanted.clone() });
            assert_eq!(serde_json::to_value(read).ok(), serde_json::to_value(wanted).ok());
        }
    }
}
