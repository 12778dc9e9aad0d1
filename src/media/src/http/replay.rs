//! The paths under `/replay/`: finished replays, from the data directory or the store.
//!
//! Decides which byte ranges are answered (RFC 9110, 14.2).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, HeaderValue, RANGE};
use hyper::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use super::answer::{Answer, Body, FOREVER, MP4, PLAYLIST, missing, text, with};
use crate::live::hub::Hub;
use crate::record::{self, Store};

/// Bytes read at once.
const PIECE: u64 = 256 << 10;

/// Where a file comes from.
enum Source {
    Local(Arc<File>),
    Stored(Store, String, &'static str),
}

/// Answers `/replay/<broadcast>/<file>`.
pub(crate) async fn answer(hub: &Hub, rest: &str, headers: &HeaderMap) -> Answer {
    let Some((id, name)) = rest.split_once('/') else { return missing() };
    let sane =
        (8..=24).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let file = [(record::MOVIE, MP4), (record::PLAYLIST, PLAYLIST), (record::POSTER, "image/jpeg")];
    let Some((name, kind)) = file.into_iter().find(|(known, _)| *known == name).filter(|_| sane) else {
        return missing();
    };
    let data = &hub.settings.data;
    let Some(stored) = record::is_ready(data, id) else { return missing() };
    let opened = async {
        if stored {
            let store = hub.store.clone().ok_or("no replay store is configured")?;
            let length = store.length(id, name).await?;
            return Ok((Source::Stored(store, id.to_owned(), name), length));
        }
        let file = File::open(record::directory(data, id).join(name)).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        Ok::<_, String>((Source::Local(Arc::new(file)), length))
    };
    let Ok((source, length)) = opened.await else { return missing() };
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let Ok(range) = asked.map_or(Ok(None), |asked| range(asked, length)) else {
        let mut answer = text(StatusCode::RANGE_NOT_SATISFIABLE, "range is not in the file\n");
        header(&mut answer, &format!("bytes */{length}"));
        return answer;
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let (from, to) = range.unwrap_or((0, length));
    let mut answer = with(status, kind, FOREVER, read(source, from, to));
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if range.is_some() {
        header(&mut answer, &format!("bytes {from}-{}/{length}", to - 1));
    }
    answer
}

fn header(answer: &mut Answer, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(CONTENT_RANGE, value);
    }
}

/// The first and the byte after the last; `None` for a range that is not understood and ignored, an error for one outside.
fn range(asked: &str, length: u64) -> Result<Option<(u64, u64)>, ()> {
    let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if last >= first => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.is_empty() => (first, length),
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => (length.saturating_sub(count), length),
        _ => return Ok(None),
    };
    if range.0 < range.1 { Ok(Some(range)) } else { Err(()) }
}

fn read(source: Source, from: u64, to: u64) -> Body {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut at = from;
        while at < to {
            let count = PIECE.min(to - at);
            let piece = match &source {
                Source::Local(file) => {
                    let file = file.clone();
                    let work = tokio::task::spawn_blocking(move || {
                        let mut piece = vec![0; count as usize];
                        file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
                    });
                    work.await.unwrap_or_else(|error| Err(io::Error::other(error)))
                }
                Source::Stored(store, id, name) => store.read(id, name, at..at + count).await.map_err(io::Error::other),
            };
            at += count;
            let broken = piece.is_err();
            if sender.send(piece).await.is_err() || broken {
                return;
            }
        }
    });
    Body::Read(receiver, to - from)
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let table = [
            ("bytes=0-9", Ok(Some((0, 10)))),
            ("bytes=90-", Ok(Some((90, 100)))),
            ("bytes=-10", Ok(Some((90, 100)))),
            ("bytes=90-900", Ok(Some((90, 100)))),
            ("bytes=100-", Err(())),
            ("bytes=9-1", Ok(None)),
            ("lines=1-2", Ok(None)),
        ];
        for (asked, expected) in table {
            assert_eq!(range(asked, 100), expected, "{asked}");
        }
    }
}
