//! The paths under `/live/`.
//!
//! Decides how long a request may wait for a part and what caches may keep. Playlists and parts come out of memory as they are.

use bytes::Bytes;
use hyper::StatusCode;

use super::answer::{Answer, FOREVER, MP4, NAMED, NEVER, PLAYLIST, SECOND, missing, ok, text};
use crate::hls::window::{Wait, Window};
use crate::live::broadcast::Broadcast;
use crate::live::hub::Hub;

/// What a player's query asks of a media playlist (RFC 8216bis, 6.2.5).
#[derive(Debug, Default, PartialEq, Eq)]
struct Directives {
    number: Option<u64>,
    part: Option<usize>,
    skip: bool,
}

impl Directives {
    /// `None` when they make no sense.
    fn read(query: &str) -> Option<Self> {
        let mut found = Directives::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "_HLS_msn" => found.number = Some(value.parse().ok()?),
                "_HLS_part" => found.part = Some(value.parse().ok()?),
                "_HLS_skip" => found.skip = matches!(value, "YES" | "v2"),
                _ => {}
            }
        }
        (found.part.is_none() || found.number.is_some()).then_some(found)
    }
}

/// Answers `/live/<stream>/<rest>`.
pub(crate) async fn answer(hub: &Hub, stream: &str, rest: &str, query: &str, viewer: u64) -> Answer {
    let Some(broadcast) = hub.stream(stream).filter(|broadcast| broadcast.source().window.begun()) else {
        return text(StatusCode::NOT_FOUND, "off air\n");
    };
    match rest {
        "index.m3u8" => return ok(PLAYLIST, SECOND, variants(&broadcast, "live.m3u8")),
        "plain.m3u8" if broadcast.source().window.begun_plain() => {
            return ok(PLAYLIST, SECOND, variants(&broadcast, "plain.m3u8"));
        }
        "thumb.jpg" => {
            let picture = broadcast.thumbnail.read().expect("no holder panics").clone();
            return picture.map_or_else(missing, |picture| ok("image/jpeg", SECOND, picture));
        }
        _ => {}
    }
    let Some((rendition, file)) = rest.split_once('/') else { return missing() };
    let Some(rendition) = broadcast.rendition(rendition) else { return missing() };
    let window = &rendition.window;
    match file {
        "live.m3u8" => {
            broadcast.viewers.saw(viewer);
            playlist(window, query).await
        }
        "plain.m3u8" => {
            broadcast.viewers.saw(viewer);
            ok(PLAYLIST, SECOND, window.playlists().plain)
        }
        _ => match file.strip_prefix(broadcast.id.as_str()).and_then(|file| file.strip_prefix('-')) {
            Some(file) => media(window, file).await,
            None => missing(),
        },
    }
}

async fn playlist(window: &Window, query: &str) -> Answer {
    let Some(directives) = Directives::read(query) else {
        return text(StatusCode::BAD_REQUEST, "directives make no sense\n");
    };
    if let Some(number) = directives.number {
        match window.wait(number, directives.part).await {
            // A publisher that comes back needs more than three target durations; players go on asking if they get an answer.
            Wait::Ready | Wait::Late => {}
            Wait::Absurd => return text(StatusCode::BAD_REQUEST, "that part is too far ahead\n"),
        }
    } else {
        window.fresh().await;
    }
    let playlists = window.playlists();
    let body = if directives.skip { playlists.delta } else { playlists.full };
    if body.is_empty() {
        return missing();
    }
    ok(PLAYLIST, if directives.number.is_some() { NAMED } else { NEVER }, body)
}

/// `i<generation>.mp4`, `<number>.mp4` or `<number>.<part>.mp4`.
async fn media(window: &Window, file: &str) -> Answer {
    let Some(name) = file.strip_suffix(".mp4") else { return missing() };
    if let Some(generation) = name.strip_prefix('i').and_then(|digits| digits.parse().ok()) {
        return window.init_data(generation).map_or_else(missing, |data| ok(MP4, FOREVER, data));
    }
    if let Some((number, part)) = name.split_once('.') {
        let (Ok(number), Ok(part)) = (number.parse(), part.parse()) else { return missing() };
        // The part that the preload hint names may be asked for before it exists.
        let hinted = window.progress();
        let next = hinted.number == number && hinted.parts == part;
        if next && window.wait(number, Some(part)).await != Wait::Ready {
            return missing();
        }
        return window.part(number, part).map_or_else(missing, |data| ok(MP4, FOREVER, data));
    }
    let Ok(number) = name.parse() else { return missing() };
    window.segment(number).map_or_else(missing, |parts| ok(MP4, FOREVER, super::answer::Body::Pieces(parts.into())))
}

/// The multivariant playlist.
fn variants(broadcast: &Broadcast, name: &str) -> Bytes {
    let mut out = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    for rendition in broadcast.renditions().iter().filter(|rendition| rendition.window.begun()) {
        let tracks = rendition.tracks();
        let (peak, mean) = rendition.window.bandwidth();
        let size = tracks.video.as_ref().filter(|video| video.width > 0);
        let size = size.map_or(String::new(), |video| format!(",RESOLUTION={}x{}", video.width, video.height));
        out.push_str(&format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"{size}\n{}/{name}\n",
            peak.max(mean).max(1),
            mean.max(1),
            tracks.names(),
            rendition.name
        ));
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_or_refused() {
        let read = |query| Directives::read(query);
        let (number, part) = (Some(7), Some(2));
        assert_eq!(read("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"), Some(Directives { number, part, skip: true }));
        assert_eq!(read("x=1"), Some(Directives::default()));
        assert_eq!(read("_HLS_part=2"), None);
        assert_eq!(read("_HLS_msn=-1"), None);
    }
}
