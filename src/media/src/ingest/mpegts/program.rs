//! The program of a transport stream that is read, and its two tracks.
//!
//! Decides which tracks are carried: the first of pictures and the first of sound, of the first program. What is left out after a loss
//! is decided by each of them.

use std::collections::VecDeque;

use mpeg2ts_reader::demultiplex::{
    DemuxContext, FilterChangeset, FilterRequest, PacketFilter, PatPacketFilter, PmtPacketFilter,
};
use mpeg2ts_reader::packet::{Packet as Cell, Pid};
use mpeg2ts_reader::pes::{ElementaryStreamConsumer, PesContents, PesHeader, PesPacketFilter, PtsDts};
use mpeg2ts_reader::psi::pat::PAT_PID;

use super::clock::Clock;
use super::pictures::{Finished, Pictures};
use super::sound::Sound;
use super::table;
use crate::ingest::{Error, Packet};

/// The program that is read, and what came of it.
#[derive(Default)]
pub(super) struct Program {
    changes: FilterChangeset<Filter>,
    /// Where its table is.
    table: Option<Pid>,
    clock: Clock,
    pictures: Option<(Pid, Pictures)>,
    sound: Option<(Pid, Sound)>,
    expected: Option<(bool, bool)>,
    pub(super) out: VecDeque<Packet>,
    pub(super) dropped: u64,
    pub(super) error: Option<Error>,
}

impl DemuxContext for Program {
    type F = Filter;

    fn filter_changeset(&mut self) -> &mut FilterChangeset<Filter> {
        &mut self.changes
    }

    fn construct(&mut self, request: FilterRequest<'_, '_>) -> Filter {
        match request {
            FilterRequest::ByPid(PAT_PID) => Filter::Table(PatPacketFilter::default()),
            FilterRequest::Pmt { pid, program_number } if *self.table.get_or_insert(pid) == pid => {
                Filter::Streams(PmtPacketFilter::new(pid, program_number))
            }
            FilterRequest::ByStream { pmt, stream_info, .. } => {
                let chosen = table::choose(pmt.streams());
                self.choose(chosen, stream_info.elementary_pid())
            }
            _ => Filter::Ignored,
        }
    }
}

impl Program {
    /// What becomes of a track of the program.
    fn choose(&mut self, chosen: Result<table::Chosen, Error>, pid: Pid) -> Filter {
        let chosen = match chosen {
            Ok(chosen) => chosen,
            Err(error) => {
                self.error = Some(error);
                return Filter::Ignored;
            }
        };
        let expected = (chosen.video.is_some(), chosen.audio.is_some());
        if self.expected.replace(expected) != Some(expected) {
            self.out.push_back(Packet::Expect { video: expected.0, audio: expected.1 });
        }
        let track = |track| Filter::Track(PesPacketFilter::new(track));
        match (chosen.video, chosen.audio) {
            (Some((at, codec)), _) if at == pid => {
                // A new version of the table breaks what was under way, so nothing before a keyframe is safe.
                let before = self.pictures.take().map_or(0, |(_, mut pictures)| pictures.lost());
                self.dropped += before;
                self.pictures = Pictures::new(codec).map(|pictures| (pid, pictures));
                track(Track::Pictures)
            }
            (_, Some((at, codec, channels))) if at == pid => {
                self.sound = Some((pid, Sound::new(codec, channels)));
                track(Track::Sound)
            }
            _ => Filter::Ignored,
        }
    }

    /// Bytes of any track are missing.
    pub(super) fn gap(&mut self) {
        Track::Pictures.continuity_error(self);
        Track::Sound.continuity_error(self);
    }

    /// No more bytes come.
    pub(super) fn close(&mut self) {
        let finished = self.pictures.as_mut().map(|(_, pictures)| pictures.close());
        self.keep(finished.unwrap_or_default());
    }

    fn keep(&mut self, finished: Finished) {
        self.out.extend(finished.packets.into_iter().flatten());
        self.dropped += finished.dropped;
    }

    fn frames(&mut self, data: &[u8]) {
        let Some((_, sound)) = &mut self.sound else { return };
        sound.data(data);
        loop {
            match sound.next() {
                Ok(Some(packet)) => self.out.push_back(packet),
                Ok(None) => return,
                Err(error) => {
                    sound.lost();
                    self.error = Some(error);
                    return;
                }
            }
        }
    }
}

/// What becomes of the packets of one number.
pub(super) enum Filter {
    Table(PatPacketFilter<Program>),
    Streams(PmtPacketFilter<Program>),
    Track(PesPacketFilter<Program, Track>),
    Ignored,
}

impl PacketFilter for Filter {
    type Ctx = Program;

    fn consume(&mut self, program: &mut Program, cell: &Cell<'_>) {
        match self {
            Filter::Table(filter) => filter.consume(program, cell),
            Filter::Streams(filter) => filter.consume(program, cell),
            Filter::Track(filter) => {
                filter.consume(program, cell);
                if let Some((_, pictures)) = program.pictures.as_mut().filter(|(pid, _)| *pid == cell.pid()) {
                    pictures.saw(cell.buffer());
                }
            }
            Filter::Ignored => {}
        }
    }
}

/// What a track's packets are for.
pub(super) enum Track {
    Pictures,
    Sound,
}

impl ElementaryStreamConsumer<Program> for Track {
    fn start_stream(&mut self, _: &mut Program) {}

    fn begin_packet(&mut self, program: &mut Program, header: PesHeader<'_>) {
        let PesContents::Parsed(Some(contents)) = header.contents() else {
            return self.continuity_error(program);
        };
        let times = match contents.pts_dts() {
            Ok(PtsDts::PtsOnly(Ok(shown))) => Some((shown.value(), shown.value())),
            Ok(PtsDts::Both { pts: Ok(shown), dts: Ok(decoded) }) => Some((shown.value(), decoded.value())),
            _ => None,
        };
        match self {
            Track::Pictures => {
                let Some((_, pictures)) = &mut program.pictures else { return };
                let finished = pictures.begin(&mut program.clock, times);
                program.keep(finished);
            }
            Track::Sound => {
                let Some((_, sound)) = &mut program.sound else { return };
                sound.begin(&mut program.clock, times);
            }
        }
        self.continue_packet(program, contents.payload());
    }

    fn continue_packet(&mut self, program: &mut Program, data: &[u8]) {
        match self {
            Track::Pictures => program.dropped += program.pictures.as_mut().map_or(0, |(_, track)| track.data(data)),
            Track::Sound => program.frames(data),
        }
    }

    fn end_packet(&mut self, _: &mut Program) {}

    fn continuity_error(&mut self, program: &mut Program) {
        program.dropped += match self {
            Track::Pictures => program.pictures.as_mut().map_or(0, |(_, track)| track.lost()),
            Track::Sound => program.sound.as_mut().map_or(0, |(_, track)| track.lost()),
        };
    }
}
