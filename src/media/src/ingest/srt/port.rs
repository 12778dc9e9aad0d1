//! The UDP port that all SRT callers share.
//!
//! Decides when datagrams, timers and verdicts are dealt with, and how much may wait for a publisher's task. The protocol is
//! `sapflow-srt`, which does no input or output; who may publish is decided elsewhere.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sapflow_srt::crypto::{CryptoConfig, KeySize};
use sapflow_srt::packet::{Control, ControlPacket, Extension, HandshakeKind, Packet};
use sapflow_srt::{CloseReason, Config, ConnId, Event, Listener, RejectCode};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::{Caller, PEER_IDLE, Srt};

/// A verdict must come within this time; encoders ask for so long or shorter.
const VERDICT: Duration = Duration::from_secs(10);
/// Handshakes answered in a second. An answer is as small as the question; with a passphrase, every second one costs 0.2 ms.
const HANDSHAKES: u32 = 500;
/// Packets of one publisher that wait for being played out, as SRT's own default has it: 11 MB.
const BUFFER: usize = 8192;
/// Packets of one publisher that wait for its task; more means that the machine cannot keep up.
const WAITING: usize = 8192;
/// Callers that wait to be asked for their key.
const CALLERS: usize = 64;
/// Datagrams taken before anything else is looked at.
const BURST: usize = 64;
/// Length of a packet's header.
const HEADER: usize = 16;
/// Asked of the system for datagrams that wait; what it grants is a setting of its own (`net.core.rmem_max`).
const SOCKET_BUFFER: usize = 8 << 20;

/// What a listener is to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// How long lost packets may be asked for again; a caller that wants more gets more.
    pub latency: Duration,
    /// What every caller must know; 10 to 79 bytes.
    pub passphrase: Option<String>,
    /// Open connections at most.
    pub connections: usize,
}

/// What came for a publisher.
pub(super) enum Piece {
    /// Bytes, in order.
    Data(Vec<u8>),
    /// Bytes that were not there in time are left out here.
    Gap,
    /// The publisher said goodbye.
    Goodbye,
    /// Nothing came for too long.
    Silence,
}

/// What a publisher's task wants.
pub(super) enum Command {
    /// Finishes the handshake; answers whether the passphrase was right.
    Accept(ConnId, oneshot::Sender<bool>),
    /// Ends the connection, with this status if it has not begun.
    Leave(ConnId, u16),
}

impl std::fmt::Debug for Options {
    /// Without the passphrase.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Options").field("latency", &self.latency).finish_non_exhaustive()
    }
}

/// A listening port.
pub struct Port {
    callers: mpsc::Receiver<Srt>,
    address: SocketAddr,
}

impl Port {
    /// Begins to listen.
    pub async fn bind(address: SocketAddr, options: &Options) -> io::Result<Port> {
        let socket = UdpSocket::bind(address).await?;
        // A smaller buffer only means that bursts are asked for again.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER);
        let address = socket.local_addr()?;
        let key = |size| {
            let secret = options.passphrase.clone().map(String::into_bytes);
            secret.map(|secret| CryptoConfig::new(secret, size)).transpose()
        };
        let wrong = |_| io::Error::new(io::ErrorKind::InvalidInput, "passphrase must have 10 to 79 bytes");
        let keys = (key(KeySize::Aes128).map_err(wrong)?, key(KeySize::Aes256).map_err(wrong)?);
        let config = Config {
            latency: options.latency,
            max_connections: options.connections,
            handshakes_per_second: HANDSHAKES,
            buffer_packets: BUFFER,
            peer_idle: PEER_IDLE,
            accept_timeout: VERDICT,
            crypto: keys.0.clone(),
            require_encryption: keys.0.is_some(),
            allow_plaintext: false,
        };
        let listener = Listener::new(config, Instant::now());
        let (sender, callers) = mpsc::channel(CALLERS);
        let (orders, commands) = mpsc::unbounded_channel();
        let lines = HashMap::new();
        let driver = Driver { socket, listener, keys, lines, callers: sender, orders, commands };
        tokio::spawn(driver.run());
        Ok(Port { callers, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next caller; `None` when the port has failed.
    pub async fn accept(&mut self) -> Option<Srt> {
        self.callers.recv().await
    }
}

/// The way to a publisher's task.
struct Line {
    pieces: mpsc::Sender<Piece>,
    key: Option<CryptoConfig>,
    /// Packets left out so far.
    dropped: u64,
}

impl Line {
    /// Passes bytes on; `dropped` are all packets left out until then. False when too much waits already.
    fn pass(&mut self, payload: Vec<u8>, dropped: u64) -> bool {
        let whole = dropped <= self.dropped;
        self.dropped = self.dropped.max(dropped);
        (whole || self.pieces.try_send(Piece::Gap).is_ok()) && self.pieces.try_send(Piece::Data(payload)).is_ok()
    }
}

struct Driver {
    socket: UdpSocket,
    listener: Listener,
    /// By length: 128 and 256 bits.
    keys: (Option<CryptoConfig>, Option<CryptoConfig>),
    lines: HashMap<ConnId, Line>,
    callers: mpsc::Sender<Srt>,
    orders: mpsc::UnboundedSender<Command>,
    commands: mpsc::UnboundedReceiver<Command>,
}

impl Driver {
    async fn run(mut self) {
        let mut buffer = vec![0; 2048];
        loop {
            let due = self.listener.poll_timeout().unwrap_or_else(|| Instant::now() + VERDICT);
            tokio::select! {
                () = self.callers.closed() => return,
                command = self.commands.recv() => command.into_iter().for_each(|command| self.obey(command)),
                received = self.socket.recv_from(&mut buffer) => match received {
                    Ok((length, peer)) => self.datagram(peer, &buffer[..length]),
                    // An error tells of a datagram sent before, to somebody who is gone.
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                },
                () = tokio::time::sleep_until(due.into()) => {}
            }
            for _ in 0..BURST {
                let Ok((length, peer)) = self.socket.try_recv_from(&mut buffer) else { break };
                self.datagram(peer, &buffer[..length]);
            }
            self.listener.handle_timeout(Instant::now());
            self.events(None);
            while let Some((peer, mut datagram)) = self.listener.poll_transmit() {
                // libsrt (1.5.7 for one) passes over keepalives and shutdowns that are but a header; its own have four zeros.
                if datagram.len() == HEADER {
                    datagram.extend_from_slice(&[0; 4]);
                }
                // What cannot be sent is lost, as any datagram may be.
                let _ = self.socket.send_to(&datagram, peer).await;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Accept(id, answer) => {
                let key = self.lines.get(&id).and_then(|line| line.key.clone());
                let accepted = self.listener.accept_with_crypto(id, now, key);
                if !accepted {
                    self.lines.remove(&id);
                }
                let _ = answer.send(accepted);
            }
            Command::Leave(id, status) => {
                self.lines.remove(&id);
                if !self.listener.reject(id, RejectCode::http(status)) {
                    self.listener.close(id, now);
                }
            }
        }
    }

    fn datagram(&mut self, peer: SocketAddr, datagram: &[u8]) {
        self.listener.handle_datagram(Instant::now(), peer, datagram);
        self.events(Some(datagram));
    }

    /// Passes on what happened; `cause` is the datagram that it came of.
    fn events(&mut self, cause: Option<&[u8]>) {
        while let Some(event) = self.listener.poll_event() {
            match event {
                Event::Connect { id, peer, stream_id } => {
                    let hello = cause.and_then(Hello::read).unwrap_or_default();
                    let key = if hello.long_key { self.keys.1.clone() } else { self.keys.0.clone() };
                    let secret = key.is_some();
                    let (pieces, receiver) = mpsc::channel(WAITING);
                    self.lines.insert(id, Line { pieces, key, dropped: 0 });
                    let encoder = hello
                        .version
                        .map_or_else(String::new, |[_, major, minor, patch]| format!("SRT {major}.{minor}.{patch}"));
                    let caller = Caller { id, address: peer.ip().to_canonical(), stream_id, encoder, secret };
                    // A caller that nobody takes is dropped, and leaves by that.
                    let _ = self.callers.try_send(Srt::new(caller, self.orders.clone(), receiver));
                }
                Event::Data { id, payload } => {
                    let dropped = self.listener.connection_stats(id).map_or(0, |stats| stats.dropped);
                    let passed = self.lines.get_mut(&id).is_some_and(|line| line.pass(payload, dropped));
                    if !passed {
                        self.lines.remove(&id);
                        self.listener.close(id, Instant::now());
                    }
                }
                Event::Closed { id, reason, .. } => {
                    let Some(line) = self.lines.remove(&id) else { continue };
                    let last = match reason {
                        Some(CloseReason::Shutdown) => Piece::Goodbye,
                        Some(CloseReason::Timeout) | None => Piece::Silence,
                    };
                    let _ = line.pieces.try_send(last);
                }
            }
        }
    }
}

/// What a handshake says beside the stream id.
#[derive(Debug, Default)]
struct Hello {
    /// The caller chose a key of 256 bits.
    long_key: bool,
    version: Option<[u8; 4]>,
}

impl Hello {
    fn read(datagram: &[u8]) -> Option<Hello> {
        let Ok(Packet::Control(ControlPacket { body: Control::Handshake(handshake), .. })) = Packet::parse(datagram)
        else {
            return None;
        };
        if handshake.kind != HandshakeKind::Conclusion {
            return None;
        }
        let version = handshake.srt_request().map(|request| request.version.to_be_bytes());
        // The length of the key in words, the last byte before the salt (draft-sharabayko-srt-01, 3.2.2).
        let long =
            |extension: &Extension| matches!(extension, Extension::KmReq(message) if message.get(15) == Some(&8));
        Some(Hello { long_key: handshake.extensions.iter().any(long), version })
    }
}
