//! What a publisher offers (SDP, RFC 8866), before a connection is made of it.
//!
//! Decides what is refused, in words for whoever reads the answer: more than one track of a kind, and codecs that are not carried.
//! Simulcast is taken out of the offer, so that one quality comes.

/// Codecs of pictures that are carried, by their names in SDP.
const PICTURES: [&str; 2] = ["H264", "H265"];
/// Codecs of sound.
const SOUND: [&str; 1] = ["opus"];

/// An offer that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The offer without simulcast.
    pub(super) text: String,
    /// Pictures are offered.
    pub(super) video: bool,
    /// Sound is offered.
    pub(super) audio: bool,
}

/// Why an offer is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot be read.
    Unreadable(String),
    /// Nothing in it is carried.
    Unusable(String),
}

/// Reads an offer.
pub(super) fn read(text: &str) -> Result<Offer, Refusal> {
    if !text.starts_with("v=0") {
        return Err(Refusal::Unreadable("body is not SDP: it does not begin with v=0".to_owned()));
    }
    let mut kept = String::with_capacity(text.len());
    let mut sections: Vec<(&str, Vec<&str>)> = vec![];
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push((media.split(' ').next().unwrap_or_default(), vec![]));
        }
        if line.starts_with("a=simulcast:") || line.starts_with("a=rid:") {
            continue;
        }
        if let (Some((_, codecs)), Some(map)) = (sections.last_mut(), line.strip_prefix("a=rtpmap:")) {
            let name = map.split_once(' ').map_or("", |(_, codec)| codec);
            codecs.push(name.split('/').next().unwrap_or_default());
        }
        kept.push_str(line);
        kept.push_str("\r\n");
    }
    let video = kind(&sections, "video", "picture", &PICTURES)?;
    let audio = kind(&sections, "audio", "sound", &SOUND)?;
    if !video && !audio {
        return Err(Refusal::Unusable("neither a picture nor a sound track is offered".to_owned()));
    }
    Ok(Offer { text: kept, video, audio })
}

/// Whether a kind of track is offered; there may be one, with a codec that is carried.
fn kind(sections: &[(&str, Vec<&str>)], name: &str, what: &str, carried: &[&str]) -> Result<bool, Refusal> {
    let mut of_kind = sections.iter().filter(|(kind, _)| *kind == name);
    let Some((_, codecs)) = of_kind.next() else { return Ok(false) };
    if of_kind.next().is_some() {
        return Err(Refusal::Unusable(format!("more than one {what} track is offered\n\nhint: send one")));
    }
    if codecs.iter().any(|codec| carried.iter().any(|known| known.eq_ignore_ascii_case(codec))) {
        return Ok(true);
    }
    let mut offered: Vec<&str> = codecs.clone();
    offered.retain(|codec| !["rtx", "red", "ulpfec", "flexfec-03"].contains(&codec.to_ascii_lowercase().as_str()));
    offered.dedup();
    let offered = if offered.is_empty() { "nothing by name".to_owned() } else { offered.join(", ") };
    let takes = carried.join(" or ");
    Err(Refusal::Unusable(format!(
        "no {what} codec that is carried is offered, only {offered:.200}\n\nhint: {what} codecs taken by WHIP: {takes}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(lines: &[&str]) -> String {
        [&["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"], lines].concat().join("\r\n") + "\r\n"
    }

    #[test]
    fn one_picture_and_one_sound_track_are_taken() {
        let text = offer(&[
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=rtpmap:111 opus/48000/2",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:97 H264/90000",
            "a=rid:hi send",
            "a=simulcast:send hi;lo",
        ]);
        let read = read(&text).unwrap();
        assert!(read.video && read.audio);
        assert!(!read.text.contains("simulcast") && !read.text.contains("rid:") && read.text.contains("H264"));
    }

    #[test]
    fn refusals_name_what_is_taken() {
        let only = |codec| offer(&["m=video 9 UDP/TLS/RTP/SAVPF 96", codec, "a=rtpmap:97 rtx/90000"]);
        let Refusal::Unusable(reason) = read(&only("a=rtpmap:96 VP8/90000")).unwrap_err() else { panic!("unreadable") };
        assert!(reason.contains("only VP8\n") && reason.contains("H264 or H265"), "{reason}");
        let twice = offer(&["m=audio 9 X 1", "a=rtpmap:1 opus/48000/2", "m=audio 9 X 1", "a=rtpmap:1 opus/48000/2"]);
        assert!(matches!(read(&twice), Err(Refusal::Unusable(reason)) if reason.contains("more than one sound track")));
        assert!(matches!(read(&offer(&["m=application 9 X 1"])), Err(Refusal::Unusable(_))));
        assert!(matches!(read("{}"), Err(Refusal::Unreadable(_))));
    }
}
