//! MPEG transport streams (ISO/IEC 13818-1), as encoders send them over SRT.
//!
//! Decides where the packets of the stream begin, and when what comes is none. Refuses to know how the bytes came. Nothing is kept but
//! the access unit under way.

mod clock;
mod pictures;
mod program;
mod sound;
mod table;

use mpeg2ts_reader::demultiplex::Demultiplex;
use mpeg2ts_reader::packet::Packet as Cell;

use self::program::Program;
use super::{Error, Packet};

/// Bytes of what no player could use before the publisher is told so: as much as the largest keyframe.
const PATIENCE: usize = 8 << 20;

/// Reads a transport stream.
pub struct Reader {
    demultiplex: Demultiplex<Program>,
    program: Program,
    /// The beginning of a packet of the transport stream.
    rest: Vec<u8>,
    useless: usize,
}

impl Default for Reader {
    fn default() -> Self {
        let mut program = Program::default();
        let demultiplex = Demultiplex::new(&mut program);
        Reader { demultiplex, program, rest: vec![], useless: 0 }
    }
}

impl Reader {
    /// Takes bytes, in whatever pieces they came.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut rest = &rest[..];
        while let Some(at) = rest.iter().position(|byte| *byte == Cell::SYNC_BYTE) {
            rest = &rest[at..];
            let Some((cell, after)) = rest.split_at_checked(Cell::SIZE) else { break };
            // What only looks like the beginning of a packet is not followed by another one.
            if after.first().is_none_or(|byte| *byte == Cell::SYNC_BYTE) {
                self.demultiplex.push(&mut self.program, cell);
                rest = after;
            } else {
                rest = &rest[1..];
            }
        }
        self.rest = if rest.first() == Some(&Cell::SYNC_BYTE) { rest.to_vec() } else { vec![] };
        self.useless = if self.program.out.is_empty() { self.useless + bytes.len() } else { 0 };
        if let Some(error) = self.program.error.take() {
            return Err(error);
        }
        if self.useless > PATIENCE {
            return Err(Error::Protocol("no MPEG transport stream with pictures or sound in it".to_owned()));
        }
        Ok(())
    }

    /// The next packet; `None` until more bytes come.
    pub fn packet(&mut self) -> Option<Packet> {
        self.program.out.pop_front()
    }

    /// Bytes are missing here. Packets are numbered to sixteen only, which does not show every gap.
    pub fn gap(&mut self) {
        self.rest.clear();
        self.program.gap();
    }

    /// No more bytes come.
    pub fn finish(&mut self) {
        self.program.close();
    }

    /// Pictures and sound frames left out since this was asked last.
    pub fn dropped(&mut self) -> u64 {
        std::mem::take(&mut self.program.dropped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{AudioCodec, VideoCodec};
    use crate::ingest::Frame;

    /// Eighteen pictures of 64x36 with B-frames, a keyframe every nine, and sound, by ffmpeg.
    const H264: &[u8] = include_bytes!("../../../fuzz/seeds/mpegts/h264");
    const HEVC: &[u8] = include_bytes!("../../../fuzz/seeds/mpegts/hevc");
    /// Sound alone.
    const OPUS: &[u8] = include_bytes!("../../../fuzz/seeds/mpegts/opus");

    fn read(stream: &[u8], piece: usize) -> (Vec<Packet>, u64) {
        let mut reader = Reader::default();
        let mut packets = vec![];
        for piece in stream.chunks(piece) {
            reader.push(piece).unwrap();
            packets.extend(std::iter::from_fn(|| reader.packet()));
        }
        reader.finish();
        packets.extend(std::iter::from_fn(|| reader.packet()));
        (packets, reader.dropped())
    }

    fn pictures(packets: &[Packet]) -> Vec<&Frame> {
        packets.iter().filter_map(|packet| if let Packet::Video(frame) = packet { Some(frame) } else { None }).collect()
    }

    fn sound(packets: &[Packet]) -> Vec<&Frame> {
        packets.iter().filter_map(|packet| if let Packet::Audio(frame) = packet { Some(frame) } else { None }).collect()
    }

    /// The number of a packet of the transport stream.
    fn pid(cell: &[u8]) -> u16 {
        u16::from(cell[1] & 0x1f) << 8 | u16::from(cell[2])
    }

    #[test]
    fn pictures_keep_their_times_and_order() {
        for (stream, codec) in [(H264, VideoCodec::H264), (HEVC, VideoCodec::Hevc)] {
            let (packets, dropped) = read(stream, 1316);
            assert_eq!(dropped, 0);
            assert_eq!(packets[0], Packet::Expect { video: true, audio: true });
            let Packet::VideoConfig(config) = &packets[1] else { panic!("{:?}", packets[1]) };
            assert_eq!((config.codec, config.width, config.height), (codec, 64, 36));
            let frames = pictures(&packets);
            assert_eq!(frames.len(), 18);
            assert_eq!(frames.iter().filter(|frame| frame.key).count(), 2);
            // 30 a second from 1.4 s on, each shown at a time of its own.
            let times: Vec<u32> = frames.iter().map(|frame| frame.time).collect();
            assert_eq!(times[..4], [1400, 1433, 1467, 1500]);
            let mut shown: Vec<i64> =
                frames.iter().map(|frame| i64::from(frame.time) + i64::from(frame.offset)).collect();
            shown.sort_unstable();
            assert!(shown.windows(2).all(|pair| (33..=34).contains(&(pair[1] - pair[0]))), "{shown:?}");
            assert!(frames.iter().any(|frame| frame.offset > 33) && frames.iter().all(|frame| frame.offset >= 0));
        }
    }

    #[test]
    fn sound_is_counted_from_the_time_of_its_packet() {
        let (packets, _) = read(H264, 1316);
        let config = packets.iter().find_map(|packet| match packet {
            Packet::AudioConfig(config) => Some(config),
            _ => None,
        });
        assert_eq!(config.unwrap().record[..], [0x12, 0x08]);
        let times: Vec<u32> = sound(&packets).iter().map(|frame| frame.time).collect();
        assert_eq!(times.len(), 27);
        for (index, time) in times.iter().enumerate() {
            let told = 129_910.0 / 90.0 + index as f64 * 1024.0 / 44.1;
            assert!((f64::from(*time) - told).abs() < 1.0, "{index}: {time} instead of {told}");
        }
    }

    #[test]
    fn opus_is_read_without_its_control_headers() {
        let (packets, dropped) = read(OPUS, 1316);
        assert_eq!((&packets[0], dropped), (&Packet::Expect { video: false, audio: true }, 0));
        let Packet::AudioConfig(config) = &packets[1] else { panic!("{:?}", packets[1]) };
        assert_eq!((config.codec, config.rate, config.channels), (AudioCodec::Opus, 48_000, 1));
        assert_eq!(config.record[2..4], 312u16.to_be_bytes(), "what the encoder put before the sound");
        let frames = sound(&packets);
        assert_eq!(frames.iter().map(|frame| frame.data.len()).take(5).collect::<Vec<_>>(), [69, 59, 50, 55, 50]);
        assert!(frames.windows(2).all(|pair| pair[1].time - pair[0].time == 20));
    }

    #[test]
    fn pieces_may_have_any_size() {
        let whole = read(H264, 1316).0;
        for piece in [1, 7, 188, 1000, H264.len()] {
            assert_eq!(read(H264, piece).0, whole, "in pieces of {piece}");
        }
        // What came before the first packet is passed over.
        assert_eq!(read(&[&[0x47, 1, 2, 3, 0x47], H264].concat(), 1316).0, whole);
    }

    #[test]
    fn after_a_loss_nothing_is_shown_before_the_next_keyframe() {
        let whole = read(H264, 1316).0;
        let expected = pictures(&whole);
        let cells: Vec<&[u8]> = H264.chunks(188).collect();
        // The third picture's packet is missing: 256 is the number of ffmpeg's first track.
        let starts: Vec<usize> =
            (0..cells.len()).filter(|at| pid(cells[*at]) == 256 && cells[*at][1] & 0x40 != 0).collect();
        let missing = starts[2];
        let rest: Vec<u8> = [&cells[..missing], &cells[missing + 1..]].concat().concat();
        let (packets, dropped) = read(&rest, 1316);
        let kept = pictures(&packets);
        let key = expected.iter().rposition(|frame| frame.key).unwrap();
        assert_eq!(kept, [&expected[..1], &expected[key..]].concat());
        // The second picture was under way when the gap was seen; the third never came.
        assert_eq!(dropped, key as u64 - 2);
        assert_eq!(sound(&packets), sound(&whole));
    }

    #[test]
    fn a_gap_that_the_numbers_do_not_show_is_none_the_less_one() {
        let whole = read(HEVC, 1316).0;
        let cells: Vec<&[u8]> = HEVC.chunks(188).collect();
        let of_pictures: Vec<usize> = (0..cells.len()).filter(|at| pid(cells[*at]) == 256).collect();
        // Sixteen from the middle of the first keyframe on.
        let missing = &of_pictures[4..20];
        let piece = |range: std::ops::Range<usize>| {
            range.filter(|at| !missing.contains(at)).flat_map(|at| cells[at].to_vec()).collect::<Vec<u8>>()
        };
        let mut reader = Reader::default();
        reader.push(&piece(0..missing[0])).unwrap();
        reader.gap();
        reader.push(&piece(missing[0]..cells.len())).unwrap();
        reader.finish();
        let packets: Vec<Packet> = std::iter::from_fn(|| reader.packet()).collect();
        let expected = pictures(&whole);
        let key = expected.iter().rposition(|frame| frame.key).unwrap();
        assert_eq!(pictures(&packets), expected[key..]);
        assert!(reader.dropped() > 0);
    }

    #[test]
    fn a_picture_cut_short_at_the_end_is_left_out() {
        let whole = read(H264, 1316).0;
        let cells: Vec<&[u8]> = H264.chunks(188).collect();
        let key = (0..cells.len())
            .rfind(|at| pid(cells[*at]) == 256 && cells[*at][1] & 0x40 != 0 && cells[*at][5] & 0x40 != 0);
        // The second keyframe takes several packets; only the first of them came.
        let (packets, dropped) = read(&cells[..=key.unwrap()].concat(), 1316);
        assert_eq!((pictures(&packets), dropped), (pictures(&whole)[..9].to_vec(), 1));
    }

    #[test]
    fn what_is_no_transport_stream_is_told_so() {
        let mut reader = Reader::default();
        let result = (0..3000).try_for_each(|_| reader.push(&[0x20; 4096]));
        assert!(result.unwrap_err().to_string().contains("no MPEG transport stream"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(changes in prop::collection::vec((0..H264.len(), any::<u8>()), 0..60), hevc: bool) {
            let mut stream = if hevc { HEVC } else { H264 }.to_vec();
            changes.iter().for_each(|(at, byte)| stream[*at] = *byte);
            let mut reader = Reader::default();
            for piece in stream.chunks(1316) {
                if reader.push(piece).is_err() {
                    break;
                }
                while reader.packet().is_some() {}
            }
            reader.finish();
        }
    }
}
