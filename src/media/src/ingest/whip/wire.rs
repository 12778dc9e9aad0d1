//! The UDP socket that all publishers share.
//!
//! Decides whose a datagram is: STUN names its connection (RFC 8445, 7.3), everything else comes from an address that such a message
//! has proved. What belongs to nobody is dropped and leaves no trace. Refuses to know what datagrams say.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use str0m::ice::StunMessage;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::peer::{Identity, Sending, is_stun};

/// Datagrams held for one publisher, some megabytes at most; more are dropped, as a network would.
const HELD: usize = 2048;
/// Addresses of one publisher; it has one, or some more while it moves from one network to another.
const ADDRESSES: usize = 8;
/// Longer datagrams are no WebRTC, which keeps below what networks carry.
const LONGEST: usize = 2048;

/// A datagram and its sender.
pub(super) type Datagram = (SocketAddr, Bytes);

/// The socket and who uses it.
pub(crate) struct Wire {
    socket: UdpSocket,
    /// What publishers are told.
    pub(super) announced: SocketAddr,
    pub(super) identity: Identity,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By the name in STUN messages.
    lines: HashMap<String, Line>,
    addresses: HashMap<SocketAddr, String>,
    /// From the unguessable id to the name.
    ids: HashMap<String, String>,
}

struct Line {
    id: String,
    datagrams: mpsc::Sender<Datagram>,
    goodbye: Option<oneshot::Sender<()>>,
    addresses: Vec<SocketAddr>,
}

/// One publisher's end of the socket, until it is dropped.
pub(super) struct Plug {
    wire: Arc<Wire>,
    name: String,
    datagrams: mpsc::Receiver<Datagram>,
    goodbye: oneshot::Receiver<()>,
}

/// What happened at the end of the line.
pub(super) enum Heard {
    Datagram(Datagram),
    /// The publisher deleted its session.
    Goodbye,
}

impl Wire {
    /// Opens the socket on an address; publishers are told another one where it differs.
    pub(crate) async fn open(address: SocketAddr, told: Option<std::net::IpAddr>) -> Result<Arc<Wire>, String> {
        let failed = |error: io::Error| {
            format!(
                "whip cannot listen on {address} (UDP): {error}\n\nhint: another process may use the port; choose another one"
            )
        };
        let socket = UdpSocket::bind(address).await.map_err(failed)?;
        let announced = SocketAddr::new(told.unwrap_or(address.ip()), address.port());
        let wire = Wire { socket, announced, identity: Identity::new()?, table: Mutex::default() };
        let wire = Arc::new(wire);
        tokio::spawn(wire.clone().receive());
        Ok(wire)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no holder panics")
    }

    async fn receive(self: Arc<Self>) {
        let mut buffer = vec![0; LONGEST];
        loop {
            let Ok((length, source)) = self.socket.recv_from(&mut buffer).await else {
                // An earlier datagram could not be delivered, which says nothing about the next one.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            self.deliver(source, &buffer[..length]);
        }
    }

    fn deliver(&self, source: SocketAddr, bytes: &[u8]) {
        let named = if is_stun(bytes) { StunMessage::parse(bytes).ok() } else { None };
        let table = self.lock();
        let line = match &named {
            Some(message) => message.split_username().and_then(|(name, _)| table.lines.get(name)),
            None => table.addresses.get(&source).and_then(|name| table.lines.get(name)),
        };
        if let Some(line) = line {
            let _ = line.datagrams.try_send((source, Bytes::copy_from_slice(bytes)));
        }
    }

    /// Makes an end for a publisher.
    pub(super) fn plug(self: &Arc<Self>, name: &str, id: &str) -> Plug {
        let (datagrams, received) = mpsc::channel(HELD);
        let (goodbye, said) = oneshot::channel();
        let mut table = self.lock();
        table.ids.insert(id.to_owned(), name.to_owned());
        let line = Line { id: id.to_owned(), datagrams, goodbye: Some(goodbye), addresses: vec![] };
        table.lines.insert(name.to_owned(), line);
        Plug { wire: self.clone(), name: name.to_owned(), datagrams: received, goodbye: said }
    }

    /// The publisher ends its session; false when there is none of this id.
    pub(super) fn goodbye(&self, id: &str) -> bool {
        let mut table = self.lock();
        let Some(name) = table.ids.get(id).cloned() else { return false };
        let told = table.lines.get_mut(&name).and_then(|line| line.goodbye.take());
        told.is_some_and(|told| told.send(()).is_ok())
    }
}

impl Plug {
    /// Waits for what comes next; datagrams go before a goodbye, which they were sent before.
    pub(super) async fn hear(&mut self) -> Heard {
        tokio::select! {
            biased;
            Some(datagram) = self.datagrams.recv() => Heard::Datagram(datagram),
            _ = &mut self.goodbye => Heard::Goodbye,
        }
    }

    /// Waits for the goodbye alone.
    pub(super) async fn goodbye(&mut self) {
        // The sending end lives as long as this one is in the table.
        let _ = (&mut self.goodbye).await;
    }

    /// The next datagram alone, once the goodbye was heard.
    pub(super) async fn rest(&mut self) -> Option<Datagram> {
        self.datagrams.recv().await
    }

    /// An address has proved to be this publisher's.
    pub(super) fn proved(&self, source: SocketAddr) {
        let mut table = self.wire.lock();
        if table.addresses.get(&source) == Some(&self.name) {
            return;
        }
        let Some(line) = table.lines.get_mut(&self.name) else { return };
        let oldest = (line.addresses.len() == ADDRESSES).then(|| line.addresses.remove(0));
        line.addresses.push(source);
        if let Some(oldest) = oldest {
            table.release(oldest, &self.name);
        }
        table.addresses.insert(source, self.name.clone());
    }

    /// Sends; what the network refuses is lost like anything else on it.
    pub(super) async fn send(&self, sendings: Vec<Sending>) {
        for (destination, bytes) in sendings {
            let _ = self.wire.socket.send_to(&bytes, destination).await;
        }
    }
}

impl Table {
    fn release(&mut self, address: SocketAddr, name: &str) {
        if self.addresses.get(&address).is_some_and(|owner| owner == name) {
            self.addresses.remove(&address);
        }
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        let mut table = self.wire.lock();
        if let Some(line) = table.lines.remove(&self.name) {
            table.ids.remove(&line.id);
            line.addresses.into_iter().for_each(|address| table.release(address, &self.name));
        }
    }
}
