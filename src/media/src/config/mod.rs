//! What the operator wants: flags, environment and a file, in this order of precedence.
//!
//! Decides defaults and refuses what cannot work, with a hint. Secrets come from the environment or a file, never from a flag, so
//! that no process list shows them.

pub(crate) mod options;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use self::options::Options;
use crate::auth::{LocalKey, digest, is_name};
use crate::hls::Shape;
use crate::ingest::srt;

/// One quality made by the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rung {
    /// `480p`.
    pub(crate) name: String,
    /// Lines.
    pub(crate) height: u16,
    /// Bits a second of pictures.
    pub(crate) bitrate: u32,
}

/// Settings that have been checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) rtmp: Option<SocketAddr>,
    pub(crate) rtmps: Option<SocketAddr>,
    pub(crate) srt: Option<(SocketAddr, srt::Options)>,
    pub(crate) whip: Option<SocketAddr>,
    pub(crate) whips: Option<SocketAddr>,
    pub(crate) whip_address: Option<IpAddr>,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) admin_token: Option<String>,
    pub(crate) public_url: String,
    pub(crate) origin_url: String,
    pub(crate) server: String,
    pub(crate) data: PathBuf,
    pub(crate) commerce: Option<String>,
    pub(crate) commerce_authority: Option<PathBuf>,
    pub(crate) secrets: Vec<Vec<u8>>,
    pub(crate) keys: Vec<LocalKey>,
    pub(crate) shape: Shape,
    pub(crate) grace: Duration,
    pub(crate) record: bool,
    pub(crate) replay_store: Option<String>,
    pub(crate) retention: Option<Duration>,
    pub(crate) ladder: Vec<Rung>,
    pub(crate) ffmpeg: PathBuf,
    pub(crate) thumbnails: Option<Duration>,
    pub(crate) max_publishers: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_per_address: usize,
    pub(crate) max_bitrate: u64,
    pub(crate) forwarded: bool,
    pub(crate) drain: Duration,
}

/// Rungs that can be asked for, with what they cost in bits a second.
const RUNGS: [(&str, u16, u32); 4] =
    [("720p", 720, 2_500_000), ("480p", 480, 1_200_000), ("360p", 360, 700_000), ("240p", 240, 350_000)];

impl Settings {
    /// Checks everything that was asked for.
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        let file = match &options.config {
            Some(path) => Options::read(path)?,
            None => Options::default(),
        };
        let options = options.or(file);
        let address = |name: &str,
                       given: Option<String>,
                       default: Option<&str>|
         -> Result<Option<SocketAddr>, String> {
            match given.as_deref().or(default) {
            None | Some("off") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                format!("`{name}` is `{text}`, which is not an address with a port\n\nhint: for example 127.0.0.1:8080, or off")
            }),
        }
        };
        let certificate = match (options.tls_cert, options.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("`tls-cert` and `tls-key` are needed together".to_owned()),
        };
        let http = address("http", options.http, Some("127.0.0.1:8080"))?;
        let https = address("https", options.https, None)?;
        let rtmps = address("rtmps", options.rtmps, None)?;
        let whip = address("whip", options.whip, None)?;
        let whips = address("whips", options.whips, None)?;
        if let Some(address) =
            whip.or(whips).filter(|address| address.ip().is_unspecified() && options.whip_address.is_none())
        {
            return Err(format!(
                "WHIP publishers cannot be told to send media to {address}\n\nhint: set `whip-address` to the IP address they reach"
            ));
        }
        if certificate.is_none() && (https.is_some() || rtmps.is_some() || whips.is_some()) {
            return Err(
                "`https`, `rtmps` and `whips` need a certificate\n\nhint: set `tls-cert` and `tls-key`".to_owned()
            );
        }
        let public_url = options.public_url.unwrap_or_else(|| match (http, https) {
            (Some(address), _) => format!("http://{address}"),
            (None, Some(address)) => format!("https://{address}"),
            (None, None) => String::new(),
        });
        let public_url = public_url.trim_end_matches('/').to_owned();
        let range = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(value)
            } else {
                Err(format!("`{name}` is {value}, but must be from {least} to {most}"))
            }
        };
        let part = range("part-ms", options.part_ms.unwrap_or(200), 50, 2000)?;
        let segment = range("segment-ms", options.segment_ms.unwrap_or(1000), part.max(500), 10_000)?;
        let window = range("window-s", options.window_s.unwrap_or(20), 6, 3600)?;
        let memory = range("memory-mb", options.memory_mb.unwrap_or(64), 4, 4096)?;
        let hold_back = options.hold_back.unwrap_or(2.25);
        if !(2.0..=20.0).contains(&hold_back) {
            return Err(format!("`hold-back` is {hold_back}, but must be from 2 to 20 parts"));
        }
        let retention = match options.retention_days {
            Some(days) if !(0.0..=36_500.0).contains(&days) => {
                return Err(format!("`retention-days` is {days}, but must be from 0 to 36500"));
            }
            days => days.map(|days| Duration::from_secs_f64(days * 86_400.0)),
        };
        let max_publishers = options.max_publishers.unwrap_or(200);
        let passphrase = secret("MEDIA_SRT_PASSPHRASE", options.srt_passphrase_file)?;
        if passphrase.as_ref().is_some_and(|passphrase| !(10..=79).contains(&passphrase.len())) {
            return Err("SRT's passphrase must have 10 to 79 bytes".to_owned());
        }
        let latency =
            Duration::from_millis(range("srt-latency-ms", options.srt_latency_ms.unwrap_or(120), 20, 10_000)?);
        let srt = address("srt", options.srt, None)?
            .map(|address| (address, srt::Options { latency, passphrase, connections: max_publishers * 2 }));
        let origin_url =
            options.origin_url.map_or_else(|| public_url.clone(), |url| url.trim_end_matches('/').to_owned());
        Ok(Settings {
            rtmp: address("rtmp", options.rtmp, Some("127.0.0.1:1935"))?,
            rtmps,
            srt,
            whip,
            whips,
            whip_address: options.whip_address,
            http,
            https,
            admin: address("admin", options.admin, Some("127.0.0.1:9935"))?,
            certificate,
            admin_token: secret("MEDIA_ADMIN_TOKEN", options.admin_token_file)?,
            origin_url,
            public_url,
            server: options.server.unwrap_or_else(|| std::env::var("HOSTNAME").unwrap_or_else(|_| "media".to_owned())),
            data: options.data.unwrap_or_else(|| PathBuf::from("media-data")),
            commerce: options.commerce,
            commerce_authority: options.commerce_ca,
            secrets: [secret("MEDIA_SECRET", options.secret_file)?, secret("MEDIA_SECRET_OLD", None)?]
                .into_iter()
                .flatten()
                .map(String::into_bytes)
                .collect(),
            keys: keys(options.streams)?,
            shape: Shape {
                part: Duration::from_millis(part),
                segment: Duration::from_millis(segment),
                window: Duration::from_secs(window),
                memory: (memory as usize) << 20,
                hold_back,
            },
            grace: Duration::from_millis((options.grace_s.unwrap_or(30.0).clamp(0.0, 3600.0) * 1000.0) as u64),
            record: options.record.unwrap_or(true),
            replay_store: options.replay_store,
            retention,
            ladder: ladder(options.ladder.as_deref().unwrap_or("480p,360p"))?,
            ffmpeg: options.ffmpeg.unwrap_or_else(|| PathBuf::from("ffmpeg")),
            thumbnails: Some(options.thumbnail_s.unwrap_or(10)).filter(|s| *s > 0).map(Duration::from_secs),
            max_publishers,
            max_connections: options.max_connections.unwrap_or(20_000),
            max_per_address: options.max_per_address.unwrap_or(10_000),
            max_bitrate: range("max-mbps", options.max_mbps.unwrap_or(50), 1, 1000)? * 1_000_000,
            forwarded: options.forwarded.unwrap_or(false),
            drain: Duration::from_secs(options.drain_s.unwrap_or(30)),
        })
    }
}

/// A secret from the environment, or from a file without the line break at its end.
pub(crate) fn secret(variable: &str, file: Option<PathBuf>) -> Result<Option<String>, String> {
    if let Some(value) = std::env::var(variable).ok().filter(|value| !value.is_empty()) {
        return Ok(Some(value));
    }
    let Some(path) = file else { return Ok(None) };
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    Ok(Some(text.trim_end().to_owned()))
}

fn keys(list: Vec<String>) -> Result<Vec<LocalKey>, String> {
    let parse = |(at, entry): (usize, &String)| {
        // The entry may hold a secret and is not repeated in the message.
        let wrong = |why: &str| {
            format!("stream {} {why}\n\nhint: `name=key`, or `name=sha256:` and the key's digest in hex", at + 1)
        };
        let (stream, key) = entry.split_once('=').ok_or_else(|| wrong("has no `=`"))?;
        if !is_name(stream) || key.is_empty() {
            return Err(wrong("has a name that is not lower-case letters, digits, `-` or `_`, or no key"));
        }
        let digest = match key.strip_prefix("sha256:") {
            None => digest(key),
            Some(digits) => {
                let byte = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
                let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
                bytes
                    .filter(|_| digits.len() == 64)
                    .and_then(|bytes| bytes.try_into().ok())
                    .ok_or_else(|| wrong("has a bad digest"))?
            }
        };
        Ok(LocalKey { stream: stream.to_owned(), digest })
    };
    list.iter().enumerate().map(parse).collect()
}

fn ladder(text: &str) -> Result<Vec<Rung>, String> {
    let rung = |name: &str| {
        let known = RUNGS.iter().find(|rung| rung.0 == name);
        let (name, height, bitrate) =
            known.ok_or_else(|| format!("`ladder` has `{name}`\n\nhint: 720p, 480p, 360p, 240p or off"))?;
        Ok(Rung { name: (*name).to_owned(), height: *height, bitrate: *bitrate })
    };
    match text {
        "" | "off" => Ok(vec![]),
        names => names.split(',').map(str::trim).map(rung).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_explained() {
        let table: [(Options, &str); 6] = [
            (Options { http: Some("8080".to_owned()), ..Options::default() }, "`http` is `8080`"),
            (Options { https: Some("127.0.0.1:1".to_owned()), ..Options::default() }, "need a certificate"),
            (Options { whip: Some("0.0.0.0:1".to_owned()), ..Options::default() }, "cannot be told"),
            (Options { part_ms: Some(5), ..Options::default() }, "`part-ms` is 5"),
            (Options { ladder: Some("999p".to_owned()), ..Options::default() }, "`ladder` has `999p`"),
            (Options { streams: vec!["demo".to_owned()], ..Options::default() }, "stream 1 has no `=`"),
        ];
        for (options, expected) in table {
            let error = Settings::new(options).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_passphrase_is_read_from_a_file_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = || Options {
            srt: Some("127.0.0.1:6000".to_owned()),
            srt_passphrase_file: Some(file.path().to_owned()),
            ..Options::default()
        };
        std::fs::write(file.path(), "too short\n").unwrap();
        assert!(Settings::new(options()).unwrap_err().contains("10 to 79 bytes"));
        std::fs::write(file.path(), "long enough\n").unwrap();
        let settings = Settings::new(options()).unwrap();
        assert_eq!(settings.srt.as_ref().unwrap().1.passphrase.as_deref(), Some("long enough"));
        assert!(!format!("{settings:?}").contains("long enough"));
        assert_eq!(Settings::new(Options::default()).unwrap().srt, None);
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "part-ms = 300\nwindow-s = 30\nstreams = [\"demo=secret\"]\n").unwrap();
        let config = Some(file.path().to_owned());
        let settings = Settings::new(Options { config, part_ms: Some(100), ..Options::default() }).unwrap();
        assert_eq!(settings.shape.part, Duration::from_millis(100));
        assert_eq!(settings.shape.window, Duration::from_secs(30));
        assert_eq!(settings.keys[0].digest, digest("secret"));
        std::fs::write(file.path(), "part_ms = 300\n").unwrap();
        let config = Some(file.path().to_owned());
        let error = Settings::new(Options { config, ..Options::default() }).unwrap_err();
        assert!(error.contains("unknown field `part_ms`"), "{error}");
    }
}
