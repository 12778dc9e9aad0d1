//! Peers that offer, send and connect without a network.

use std::sync::OnceLock;

use proptest::prelude::*;
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::rtp::RtpWrite;

use super::*;
use crate::ingest::whip::offer;

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:07d3\r\na=ice-pwd:6b0a35e0280b97afe33084b06f8a11ea\r\n\
    a=fingerprint:sha-256 BF:FA:D3:7A:DD:82:B9:85:9F:7E:00:60:F8:EB:A7:33:FA:C0:85:14:54:19:F7:B2:C5:A6:C6:80:67:C3:23:C6\r\n\
    a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendonly\r\na=msid:- x\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
    a=ssrc:1 cname:x\r\nm=video 9 UDP/TLS/RTP/SAVPF 106 107\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:07d3\r\na=ice-pwd:6b0a35e0280b97afe33084b06f8a11ea\r\na=setup:actpass\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\n\
    a=rtpmap:106 H264/90000\r\na=rtcp-fb:106 nack pli\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n\
    a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=ssrc-group:FID 2 3\r\na=ssrc:2 cname:x\r\n\
    a=candidate:1 1 udp 2130706431 10.0.0.1 5000 typ host\r\n";

fn answer(text: &str) -> Result<(Peer, String, String), Refusal> {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| Identity::new().unwrap());
    Peer::answer(&offer::read(text)?, ([127, 0, 0, 1], 9000).into(), identity, Instant::now())
}

#[test]
fn an_answer_names_the_address_and_only_receives() {
    let (mut peer, answer, name) = answer(OFFER).unwrap();
    assert!(answer.contains(" 127.0.0.1 9000 typ host") && answer.contains(&format!("a=ice-ufrag:{name}\r\n")));
    assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
    assert!(answer.contains("a=ice-lite") && answer.contains("nack pli") && !answer.contains("red/48000"), "{answer}");
    assert_eq!(peer.packet(), Some(Packet::Expect { video: true, audio: true }));
}

#[test]
fn a_kind_of_h264_that_is_not_carried_is_refused() {
    let refused = answer(&OFFER.replace("42e01f", "f4001f"));
    assert!(matches!(refused, Err(Refusal::Unusable(reason)) if reason.contains("picture format")));
}

/// A publisher of H.264 by single RTP packets, connected without a network.
fn connected() -> (Peer, Rtc, Mid, Instant) {
    let (near, far) = (SocketAddr::from(([127, 0, 0, 1], 9000)), SocketAddr::from(([127, 0, 0, 1], 5000)));
    let crypto = Arc::new(str0m::crypto::from_feature_flags());
    let mut now = Instant::now();
    let config = RtcConfig::new().set_crypto_provider(crypto).set_rtp_mode(true).clear_codecs().enable_h264(true);
    let mut client = config.build(now);
    client.add_local_candidate(Candidate::host(far, Protocol::Udp).unwrap());
    let mut changes = client.sdp_api();
    let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let (offered, pending) = changes.apply().unwrap();
    let (mut peer, answer, _) = answer(&offered.to_sdp_string()).unwrap();
    client.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
    for _ in 0..1000 {
        exchange(&mut peer, &mut client, (near, far), now).unwrap();
        now += Duration::from_millis(5);
        client.handle_input(Input::Timeout(now)).unwrap();
        peer.tick(now).unwrap();
        if peer.connected && client.is_connected() {
            return (peer, client, mid, now);
        }
    }
    panic!("no connection comes about");
}

/// Carries what both have to send.
fn exchange(
    peer: &mut Peer,
    client: &mut Rtc,
    (near, far): (SocketAddr, SocketAddr),
    now: Instant,
) -> Result<(), Error> {
    loop {
        match client.poll_output().unwrap() {
            Output::Timeout(_) => break,
            Output::Transmit(transmit) => drop(peer.receive(now, far, &transmit.contents)?),
            Output::Event(_) => {}
        }
    }
    for (_, bytes) in peer.sendings() {
        let receive = Receive::new(Protocol::Udp, near, far, &bytes[..]).unwrap();
        client.handle_input(Input::Receive(now, receive)).unwrap();
        while !matches!(client.poll_output().unwrap(), Output::Timeout(_)) {}
    }
    Ok(())
}

#[test]
fn what_never_becomes_a_frame_is_not_held_for_ever() {
    let (mut peer, mut client, mid, mut now) = connected();
    let addresses = (([127, 0, 0, 1], 9000).into(), ([127, 0, 0, 1], 5000).into());
    let kind = client.media(mid).unwrap().remote_pts()[0];
    // Middles of a NAL unit (RFC 6184, 5.8) whose end never comes, each called a whole picture.
    let fragment = [&[0x7c, 0x05][..], &[7; 1100]].concat();
    for sent in 0..100_000usize {
        let time = sent as u32 * 3000;
        let write = RtpWrite::new(kind, (sent as u64).into(), time, now, fragment.clone()).marker(true);
        client.direct_api().stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
        client.handle_input(Input::Timeout(now)).unwrap();
        now += Duration::from_millis(1);
        if let Err(error) = exchange(&mut peer, &mut client, addresses, now) {
            assert!(error.to_string().contains("never becomes a frame"), "{error}");
            assert!((SWALLOWED / 1200..SWALLOWED / 1000).contains(&sent), "{sent} packets");
            assert_eq!(peer.heard, None);
            return;
        }
    }
    panic!("all of it was taken");
}

proptest! {
    #[test]
    fn any_offer_is_answered_or_refused(changes in prop::collection::vec((0..OFFER.len(), 0..6usize, any::<u8>()), 1..6)) {
        let mut lines: Vec<Vec<u8>> = OFFER.split_inclusive("\r\n").map(|line| line.as_bytes().to_vec()).collect();
        for (at, what, byte) in changes {
            let (count, column) = (lines.len(), usize::from(byte));
            let line = at % count;
            match what {
                0 => drop(lines.remove(line)),
                1 => lines.insert(line, lines[column % count].clone()),
                2 => lines.swap(line, column % count),
                3 => lines[line].truncate(column % 40),
                _ => {
                    let column = column % lines[line].len().max(1);
                    if let Some(changed) = lines[line].get_mut(column) {
                        *changed = byte;
                    }
                }
            }
            if lines.is_empty() {
                break;
            }
        }
        let _ = answer(&String::from_utf8_lossy(&lines.concat()));
    }

    #[test]
    fn any_datagram_is_taken_or_left(datagrams in prop::collection::vec((0..5usize, prop::collection::vec(any::<u8>(), 0..120)), 1..40)) {
        let (mut peer, ..) = answer(OFFER).unwrap();
        let source = ([127, 0, 0, 1], 5000).into();
        for (kind, mut bytes) in datagrams {
            let begin: &[u8] = [&[0, 1, 0, 40, 0x21, 0x12, 0xa4, 0x42][..], &[22, 0xfe, 0xfd], &[0x80, 106], &[0x80, 200], &[]][kind];
            if bytes.len() >= begin.len() {
                bytes[..begin.len()].copy_from_slice(begin);
            }
            prop_assert!(!peer.receive(Instant::now(), source, &bytes).unwrap(), "a stranger proves nothing");
        }
    }
}
