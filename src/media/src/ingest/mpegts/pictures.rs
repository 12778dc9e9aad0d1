//! Pictures of a transport stream: a byte stream of NAL units, one access unit for each time.
//!
//! Decides when an access unit is whole (when the next time comes, because PES packets of pictures have no length), and what is left
//! out after a loss: everything up to the next keyframe.

use bytes::BytesMut;

use super::clock::{Clock, apart, milliseconds};
use crate::codec::VideoCodec;
use crate::codec::annexb::Stream;
use crate::ingest::{Frame, Packet};

/// An access unit larger than this is left out: 8 MB, as over RTMP.
const MOST: usize = 8 << 20;

/// The access unit under way, and what is known of those before.
#[derive(Debug)]
pub(super) struct Pictures {
    stream: Stream,
    unit: BytesMut,
    /// Decoding time in ticks, and how much later the picture is shown.
    time: Option<(i64, i64)>,
    /// Something is missing since the last keyframe, or none came yet.
    broken: bool,
    /// The newest packet of the transport stream was not full, as only the last one of a PES packet is.
    ended: bool,
}

impl Pictures {
    pub(super) fn new(codec: VideoCodec) -> Option<Pictures> {
        Some(Pictures { stream: Stream::new(codec)?, unit: BytesMut::new(), time: None, broken: true, ended: false })
    }

    /// A PES packet begins. One without a time goes on with the access unit of the one before.
    pub(super) fn begin(&mut self, clock: &mut Clock, times: Option<(u64, u64)>) -> Finished {
        let Some((shown, decoded)) = times else { return Finished::default() };
        let finished = self.finish();
        let place = clock.place(decoded);
        self.time = Some((place, apart(shown, place)));
        finished
    }

    pub(super) fn data(&mut self, data: &[u8]) -> u64 {
        if self.time.is_none() {
            return 0;
        }
        if self.unit.len() + data.len() > MOST {
            return self.lost();
        }
        self.unit.extend_from_slice(data);
        0
    }

    /// Something is missing; gives how many pictures are left out at once.
    pub(super) fn lost(&mut self) -> u64 {
        self.unit.clear();
        self.broken = true;
        u64::from(self.time.take().is_some())
    }

    /// Looks at a packet of the transport stream that was taken.
    pub(super) fn saw(&mut self, cell: &[u8]) {
        self.ended = is_stuffed(cell).unwrap_or(false);
    }

    /// Nothing more comes: the access unit under way is whole, or is left out when that is not sure.
    pub(super) fn close(&mut self) -> Finished {
        if self.ended { self.finish() } else { Finished { dropped: self.lost(), ..Finished::default() } }
    }

    /// The access unit under way is whole.
    fn finish(&mut self) -> Finished {
        let mut finished = Finished::default();
        let Some((place, late)) = self.time.take() else { return finished };
        let unit = self.stream.take(&std::mem::take(&mut self.unit));
        finished.packets[0] = unit.config.map(Packet::VideoConfig);
        if unit.data.is_empty() {
            return finished;
        }
        self.broken &= !unit.key;
        if self.broken {
            finished.dropped = 1;
            return finished;
        }
        let time = milliseconds(place);
        let offset = (milliseconds(place + late) - time).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        finished.packets[1] = Some(Packet::Video(Frame { time: time as u32, offset, key: unit.key, data: unit.data }));
        finished
    }
}

/// Whether a packet of a transport stream was filled up (ISO/IEC 13818-1, 2.4.3.5).
fn is_stuffed(cell: &[u8]) -> Option<bool> {
    let length = usize::from(*cell.get(4).filter(|_| cell[3] & 0x20 != 0)?);
    let field = cell.get(5..5 + length)?;
    let Some(flags) = field.first() else { return Some(true) };
    let fixed = [(0x10, 6), (0x08, 6), (0x04, 1)].iter().map(|(flag, size)| if flags & flag != 0 { *size } else { 0 });
    let mut used = 1 + fixed.sum::<usize>();
    for flag in [0x02, 0x01] {
        if flags & flag != 0 {
            used += 1 + usize::from(*field.get(used)?);
        }
    }
    Some(length > used)
}

/// What came of an access unit.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) packets: [Option<Packet>; 2],
    /// Pictures left out.
    pub(super) dropped: u64,
}
