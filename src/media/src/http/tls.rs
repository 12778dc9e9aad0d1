//! Certificates, read again when the operator says so.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// TLS for one listener.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    files: Arc<(PathBuf, PathBuf)>,
    protocols: &'static [&'static [u8]],
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

/// HTTP/2 where the player can, else HTTP/1.1.
pub(crate) const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];
/// RTMPS names no protocol.
pub(crate) const RTMPS: &[&[u8]] = &[];

impl Tls {
    /// Reads the certificate chain and its key.
    pub(crate) fn new(files: &(PathBuf, PathBuf), protocols: &'static [&'static [u8]]) -> Result<Self, String> {
        let current = Arc::new(RwLock::new(read(files, protocols)?));
        Ok(Tls { files: Arc::new(files.clone()), protocols, current })
    }

    /// Reads them again; the old ones stay when the new ones are no good.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let config = read(&self.files, self.protocols)?;
        *self.current.write().expect("no holder panics") = config;
        Ok(())
    }

    /// Greets a connection.
    pub(crate) async fn accept(&self, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.current.read().expect("no holder panics").clone();
        TlsAcceptor::from(config).accept(socket).await
    }
}

fn read(files: &(PathBuf, PathBuf), protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, String> {
    let (chain, key) = files;
    let failed =
        |path: &PathBuf, error: &dyn std::fmt::Display| format!("`{}` cannot be used: {error}", path.display());
    let certificates: Vec<CertificateDer> =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect).map_err(|error| failed(chain, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private))
        .map_err(|error| failed(chain, &error))?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}
