//! Checks playlists against RFC 8216 and its low-latency revision (draft-pantos-hls-rfc8216bis).
//!
//! Knows one playlist at a time, and what may change between two of the same rendition.

use std::collections::HashMap;

/// A media playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) version: u32,
    pub(crate) target: f64,
    pub(crate) sequence: u64,
    pub(crate) discontinuity: u64,
    pub(crate) part_target: Option<f64>,
    pub(crate) hold_back: Option<f64>,
    pub(crate) skip_until: Option<f64>,
    pub(crate) skipped: u64,
    pub(crate) segments: Vec<Segment>,
    /// Parts after the last whole segment.
    pub(crate) open: Vec<Part>,
    pub(crate) hint: Option<String>,
    pub(crate) ended: bool,
    pub(crate) vod: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Segment {
    pub(crate) uri: String,
    pub(crate) duration: f64,
    pub(crate) map: Option<String>,
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) discontinuity: bool,
    pub(crate) date: Option<String>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) uri: String,
    pub(crate) duration: f64,
    pub(crate) independent: bool,
}

/// An attribute list (RFC 8216, 4.2).
fn attributes(text: &str) -> HashMap<String, String> {
    let (mut found, mut rest) = (HashMap::new(), text);
    while let Some((name, tail)) = rest.split_once('=') {
        assert!(name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-'), "{text}");
        let (value, tail) = match tail.strip_prefix('"') {
            Some(tail) => {
                let (value, tail) = tail.split_once('"').unwrap_or_else(|| panic!("unclosed quote in {text}"));
                (value, tail.strip_prefix(',').unwrap_or(tail))
            }
            None => tail.split_once(',').unwrap_or((tail, "")),
        };
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice in {text}");
        rest = tail;
    }
    assert!(rest.is_empty(), "attributes end in `{rest}`");
    found
}

/// Reads a media playlist and refuses what the standard forbids.
pub(crate) fn check(text: &str) -> Playlist {
    let mut list = Playlist::default();
    let mut next = Segment::default();
    let mut duration = None;
    let mut map = None;
    let mut seen: HashMap<String, u32> = HashMap::new();
    assert!(text.starts_with("#EXTM3U\n"), "4.4.1.1: the first line is #EXTM3U: {text}");
    assert!(!text.contains('\r') && text.ends_with('\n'));
    for line in text.lines().skip(1) {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        *seen.entry(tag.to_owned()).or_default() += 1;
        match tag {
            "#EXT-X-VERSION" => list.version = value.parse().unwrap(),
            "#EXT-X-TARGETDURATION" => list.target = value.parse::<u64>().expect("4.4.3.1: an integer") as f64,
            "#EXT-X-MEDIA-SEQUENCE" => {
                assert!(list.segments.is_empty(), "4.4.3.2: before the first segment");
                list.sequence = value.parse().unwrap();
            }
            "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuity = value.parse().unwrap(),
            "#EXT-X-INDEPENDENT-SEGMENTS" => {}
            "#EXT-X-PLAYLIST-TYPE" => list.vod = value == "VOD",
            "#EXT-X-SERVER-CONTROL" => {
                let control = attributes(value);
                assert_eq!(control["CAN-BLOCK-RELOAD"], "YES");
                list.hold_back = Some(control["PART-HOLD-BACK"].parse().unwrap());
                list.skip_until = control.get("CAN-SKIP-UNTIL").map(|value| value.parse().unwrap());
            }
            "#EXT-X-PART-INF" => list.part_target = Some(attributes(value)["PART-TARGET"].parse().unwrap()),
            "#EXT-X-SKIP" => {
                assert!(list.segments.is_empty() && next == Segment::default(), "4.4.5.2: before the first segment");
                list.skipped = attributes(value)["SKIPPED-SEGMENTS"].parse().unwrap();
            }
            "#EXT-X-MAP" => {
                let of = attributes(value);
                map = Some(format!("{}{}", of["URI"], of.get("BYTERANGE").map_or("", |range| range)));
            }
            "#EXT-X-DISCONTINUITY" => next.discontinuity = true,
            "#EXT-X-PROGRAM-DATE-TIME" => {
                assert!(value.len() == 24 && value.ends_with('Z') && value.as_bytes()[10] == b'T', "{line}");
                next.date = Some(value.to_owned());
            }
            "#EXT-X-PART" => {
                let of = attributes(value);
                let independent = of.get("INDEPENDENT").is_some_and(|value| value == "YES");
                let part = Part { uri: of["URI"].clone(), duration: of["DURATION"].parse().unwrap(), independent };
                next.parts.push(part);
            }
            "#EXTINF" => duration = Some(value.strip_suffix(',').expect("4.4.4.1: a comma").parse().unwrap()),
            "#EXT-X-BYTERANGE" => {
                let (length, offset) = value.split_once('@').unwrap();
                next.range = Some((length.parse().unwrap(), offset.parse().unwrap()));
            }
            "#EXT-X-PRELOAD-HINT" => {
                let of = attributes(value);
                assert_eq!(of["TYPE"], "PART");
                list.hint = Some(of["URI"].clone());
            }
            "#EXT-X-RENDITION-REPORT" => {
                let of = attributes(value);
                assert!(of.contains_key("URI") && of["LAST-MSN"].parse::<u64>().is_ok(), "{line}");
            }
            "#EXT-X-ENDLIST" => list.ended = true,
            uri if !uri.starts_with('#') && !uri.is_empty() => {
                next.uri = line.to_owned();
                next.duration = duration.take().expect("4.4.4.1: EXTINF is required for each segment");
                next.map = map.clone();
                list.segments.push(std::mem::take(&mut next));
            }
            other => panic!("tag {other} is not known"),
        }
    }
    list.open = next.parts;
    for once in ["#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-ENDLIST", "#EXT-X-SKIP"] {
        assert!(seen.get(once).copied().unwrap_or(0) <= 1, "{once} is there more than once");
    }
    list.verify();
    list
}

impl Playlist {
    fn verify(&self) {
        assert!(self.version >= 6, "8: EXT-X-MAP needs version 6");
        assert!(self.target >= 1.0, "4.4.3.1: target duration is required");
        for segment in &self.segments {
            assert!(segment.duration.round() <= self.target, "4.4.3.1: {segment:?} is over {}", self.target);
            assert!(segment.map.is_some() || self.skipped > 0, "fMP4 needs EXT-X-MAP: {segment:?}");
        }
        let Some(part_target) = self.part_target else {
            assert!(self.open.is_empty() && self.segments.iter().all(|segment| segment.parts.is_empty()));
            return;
        };
        assert!(self.version >= 9 || self.skipped == 0, "8: EXT-X-SKIP needs version 9");
        assert!(self.hold_back.unwrap() >= 2.0 * part_target, "4.4.3.8: hold back at least two parts");
        assert!(
            self.skip_until.is_none_or(|until| until >= 6.0 * self.target),
            "4.4.3.8: skip at least six targets back"
        );
        let lists = self.segments.iter().map(|segment| &segment.parts).chain([&self.open]);
        for (parts, whole) in lists.zip(self.segments.iter().map(|segment| Some(segment.duration)).chain([None])) {
            for (index, part) in parts.iter().enumerate() {
                assert!(part.duration <= part_target + 1e-6, "4.4.3.7: {part:?} is over {part_target}");
                let exempt = index + 1 == parts.len() || parts[index + 1].independent;
                assert!(
                    exempt || part.duration >= 0.85 * part_target,
                    "4.4.4.9: {part:?} is under 85 % of {part_target}"
                );
            }
            if let Some(whole) = whole.filter(|_| !parts.is_empty()) {
                let sum: f64 = parts.iter().map(|part| part.duration).sum();
                assert!(
                    (sum - whole).abs() < 0.001 * parts.len() as f64,
                    "6.2.2: parts of {sum} make a segment of {whole}"
                );
                assert!(parts[0].independent, "the first part of a segment begins with a keyframe");
            }
        }
        let mut after: f64 = self.open.iter().map(|part| part.duration).sum();
        for segment in self.segments.iter().rev() {
            let recent = after + segment.duration <= 3.0 * self.target && !self.ended;
            assert!(!recent || !segment.parts.is_empty(), "6.2.2: parts of the last three targets stay listed");
            after += segment.duration;
        }
        assert!(self.ended || self.hint.is_some(), "a live playlist hints at the next part");
    }

    /// What the standard allows to change from one playlist of a rendition to a later one (6.2.1).
    pub(crate) fn follows(&self, before: &Playlist) {
        assert!(self.sequence >= before.sequence, "6.2.1: media sequence goes back");
        assert!(self.discontinuity >= before.discontinuity, "6.2.1: discontinuity sequence goes back");
        let key = |list: &Playlist, index: usize| list.sequence + list.skipped + index as u64;
        for (index, segment) in self.segments.iter().enumerate() {
            let number = key(self, index);
            let old = (0..before.segments.len()).find(|old| key(before, *old) == number);
            if let Some(old) = old.map(|old| &before.segments[old]) {
                let same = (&segment.uri, segment.duration) == (&old.uri, old.duration);
                assert!(same, "6.2.1: segment {number} changed from {old:?} to {segment:?}");
            }
        }
        assert!(!before.ended, "6.2.1: nothing follows EXT-X-ENDLIST");
    }

    /// The media sequence number and part that come next.
    pub(crate) fn next(&self) -> (u64, usize) {
        (self.sequence + self.skipped + self.segments.len() as u64, self.open.len())
    }

    /// Completes a delta update from the playlist before it (6.2.5.1).
    pub(crate) fn complete(&mut self, before: &Playlist) {
        if self.skipped == 0 {
            return;
        }
        let from = (self.sequence - before.sequence) as usize;
        let kept = &before.segments[from..from + self.skipped as usize];
        let map = kept.last().and_then(|segment| segment.map.clone());
        for segment in self.segments.iter_mut().take_while(|segment| segment.map.is_none()) {
            segment.map.clone_from(&map);
        }
        self.segments = kept.iter().cloned().chain(std::mem::take(&mut self.segments)).collect();
        self.skipped = 0;
    }
}

/// Checks a multivariant playlist and gives its URIs.
pub(crate) fn variants(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "#EXTM3U");
    let mut found = vec![];
    for (line, next) in lines.iter().zip(&lines[1..]) {
        if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let of = attributes(list);
            let rate = |name: &str| of[name].parse::<u64>().unwrap();
            assert!(rate("BANDWIDTH") >= rate("AVERAGE-BANDWIDTH"), "{line}");
            assert!(!of["CODECS"].is_empty() && !next.starts_with('#'), "4.4.6.2: a URI follows");
            found.push((*next).to_owned());
        }
    }
    assert!(!found.is_empty(), "{text}");
    found
}

#[test]
fn the_checker_refuses_what_is_wrong() {
    let good = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:2.00000,\na\n";
    assert_eq!(check(good).next(), (2, 0));
    let parts = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#EXT-X-PART-INF:PART-TARGET=0.2\n";
    for (from, to) in [
        ("2.00000", "2.60000"),
        ("#EXT-X-MAP:URI=\"i\"\n", ""),
        ("#EXTINF:2.00000,\n", ""),
        ("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n"),
        ("#EXTM3U\n", ""),
        ("#EXTINF", "#EXT-X-PART:URI=\"p\",DURATION=0.2\n#EXTINF"),
        ("#EXT-X-MAP", &format!("{parts}#EXT-X-MAP")),
    ] {
        let bad = good.replace(from, to);
        assert!(std::panic::catch_unwind(|| check(&bad)).is_err(), "{bad}");
    }
}
