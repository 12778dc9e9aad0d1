//! The options as written: every one may be absent.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Options of `media serve`, by flag, environment (`MEDIA_…`) or file.
#[derive(Debug, Default, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Options {
    /// TOML file with any of these options.
    #[arg(long, env = "MEDIA_CONFIG")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Address for RTMP publishers, or off [default: 127.0.0.1:1935].
    #[arg(long, env = "MEDIA_RTMP")]
    pub(crate) rtmp: Option<String>,
    /// Address for RTMPS publishers [default: off].
    #[arg(long, env = "MEDIA_RTMPS")]
    pub(crate) rtmps: Option<String>,
    /// Address for WHIP publishers: HTTP by TCP, media by UDP on the same port [default: off].
    #[arg(long, env = "MEDIA_WHIP")]
    pub(crate) whip: Option<String>,
    /// Address for WHIP publishers with HTTPS; media as for `whip` [default: off].
    #[arg(long, env = "MEDIA_WHIPS")]
    pub(crate) whips: Option<String>,
    /// IP address WHIP publishers are told to send media to, where it is not the one listened on.
    #[arg(long, env = "MEDIA_WHIP_ADDRESS")]
    pub(crate) whip_address: Option<std::net::IpAddr>,
    /// Address for SRT publishers, UDP [default: off].
    #[arg(long, env = "MEDIA_SRT")]
    pub(crate) srt: Option<String>,
    /// File with the passphrase that SRT publishers must know; MEDIA_SRT_PASSPHRASE goes before it.
    #[arg(long, env = "MEDIA_SRT_PASSPHRASE_FILE")]
    pub(crate) srt_passphrase_file: Option<PathBuf>,
    /// Milliseconds that SRT may take to get lost packets again, unless the encoder asks for more [default: 120].
    #[arg(long, env = "MEDIA_SRT_LATENCY_MS")]
    pub(crate) srt_latency_ms: Option<u64>,
    /// Address for viewers without TLS, or off [default: 127.0.0.1:8080].
    #[arg(long, env = "MEDIA_HTTP")]
    pub(crate) http: Option<String>,
    /// Address for viewers with TLS and HTTP/2 [default: off].
    #[arg(long, env = "MEDIA_HTTPS")]
    pub(crate) https: Option<String>,
    /// Address for health, metrics and the admin API, or off [default: 127.0.0.1:9935].
    #[arg(long, env = "MEDIA_ADMIN")]
    pub(crate) admin: Option<String>,
    /// Certificate chain, PEM; read again on SIGHUP.
    #[arg(long, env = "MEDIA_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, env = "MEDIA_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with the admin API's bearer token; MEDIA_ADMIN_TOKEN goes before it.
    #[arg(long, env = "MEDIA_ADMIN_TOKEN_FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// URL under which viewers reach this service, through a CDN perhaps.
    #[arg(long, env = "MEDIA_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// URL under which edges reach this server [default: the public URL].
    #[arg(long, env = "MEDIA_ORIGIN_URL")]
    pub(crate) origin_url: Option<String>,
    /// Name of this server in callbacks [default: the host's].
    #[arg(long, env = "MEDIA_SERVER")]
    pub(crate) server: Option<String>,
    /// Directory for replays and undelivered events [default: media-data].
    #[arg(long, env = "MEDIA_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Base URL of the callbacks of `commerce`; without it keys come from `--stream`.
    #[arg(long, env = "MEDIA_COMMERCE")]
    pub(crate) commerce: Option<String>,
    /// Additional certificate authority for `commerce`, PEM.
    #[arg(long, env = "MEDIA_COMMERCE_CA")]
    pub(crate) commerce_ca: Option<PathBuf>,
    /// File with the secret shared with `commerce`; MEDIA_SECRET goes before it.
    #[arg(long, env = "MEDIA_SECRET_FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A stream and its key: `name=key` or `name=sha256:<hex>`; keys are better given by file or MEDIA_STREAMS.
    #[arg(long = "stream", env = "MEDIA_STREAMS", value_delimiter = ',', hide_env_values = true)]
    pub(crate) streams: Vec<String>,
    /// Length of a part in milliseconds [default: 200].
    #[arg(long, env = "MEDIA_PART_MS")]
    pub(crate) part_ms: Option<u64>,
    /// Least length of a segment in milliseconds [default: 1000].
    #[arg(long, env = "MEDIA_SEGMENT_MS")]
    pub(crate) segment_ms: Option<u64>,
    /// Seconds that playlists list [default: 20].
    #[arg(long, env = "MEDIA_WINDOW_S")]
    pub(crate) window_s: Option<u64>,
    /// Megabytes of one rendition kept in memory at most [default: 64].
    #[arg(long, env = "MEDIA_MEMORY_MB")]
    pub(crate) memory_mb: Option<u64>,
    /// Distance of players from the live edge in parts [default: 2.25].
    #[arg(long, env = "MEDIA_HOLD_BACK")]
    pub(crate) hold_back: Option<f64>,
    /// Seconds that a lost publisher has to come back [default: 30].
    #[arg(long, env = "MEDIA_GRACE_S")]
    pub(crate) grace_s: Option<f64>,
    /// Keep replays [default: true].
    #[arg(long, env = "MEDIA_RECORD")]
    pub(crate) record: Option<bool>,
    /// Where finished replays are moved: `s3://bucket/prefix` [default: they stay in the data directory].
    #[arg(long, env = "MEDIA_REPLAY_STORE")]
    pub(crate) replay_store: Option<String>,
    /// Days after which replays are deleted [default: never].
    #[arg(long, env = "MEDIA_RETENTION_DAYS")]
    pub(crate) retention_days: Option<f64>,
    /// Smaller qualities to make: 720p, 480p, 360p, 240p, or off [default: 480p,360p].
    #[arg(long, env = "MEDIA_LADDER")]
    pub(crate) ladder: Option<String>,
    /// The ffmpeg program for the ladder and thumbnails [default: ffmpeg].
    #[arg(long, env = "MEDIA_FFMPEG")]
    pub(crate) ffmpeg: Option<PathBuf>,
    /// Seconds between thumbnails, 0 for none [default: 10].
    #[arg(long, env = "MEDIA_THUMBNAIL_S")]
    pub(crate) thumbnail_s: Option<u64>,
    /// Streams on air at most [default: 200].
    #[arg(long, env = "MEDIA_MAX_PUBLISHERS")]
    pub(crate) max_publishers: Option<usize>,
    /// Open connections at most, of each kind [default: 20000].
    #[arg(long, env = "MEDIA_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<usize>,
    /// Open connections from one address at most [default: 10000].
    #[arg(long, env = "MEDIA_MAX_PER_ADDRESS")]
    pub(crate) max_per_address: Option<usize>,
    /// Megabits a second that a publisher may send [default: 50].
    #[arg(long, env = "MEDIA_MAX_MBPS")]
    pub(crate) max_mbps: Option<u64>,
    /// Believe X-Forwarded-For when viewers are counted; only behind a balancer that sets it [default: false].
    #[arg(long, env = "MEDIA_FORWARDED")]
    pub(crate) forwarded: Option<bool>,
    /// Seconds that broadcasts may go on after SIGTERM [default: 30].
    #[arg(long, env = "MEDIA_DRAIN_S")]
    pub(crate) drain_s: Option<u64>,
}

macro_rules! prefer {
    ($first:ident, $second:ident: $($field:ident),* $(,)?) => {
        Options { $($field: $first.$field.or($second.$field),)*
            streams: if $first.streams.is_empty() { $second.streams } else { $first.streams } }
    };
}

impl Options {
    /// These, and where one is absent that of `other`.
    pub(crate) fn or(self, other: Options) -> Options {
        prefer!(self, other: config, rtmp, rtmps, whip, whips, whip_address, srt, srt_passphrase_file, srt_latency_ms, http,
            https, admin, tls_cert, tls_key, admin_token_file, public_url, origin_url, server, data, commerce,
            commerce_ca, secret_file, part_ms, segment_ms, window_s, memory_mb,
            hold_back, grace_s, record, replay_store, retention_days, ladder, ffmpeg, thumbnail_s, max_publishers,
            max_connections, max_per_address, max_mbps, forwarded, drain_s)
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Options, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("configuration `{}` cannot be read: {error}", path.display()))?;
        // A parser's message quotes the line, which may hold a key; only the place and the complaint are shown.
        toml::from_str(&text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start)];
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
            format!("{}:{line}:{column}: {}", path.display(), error.message())
        })
    }
}
