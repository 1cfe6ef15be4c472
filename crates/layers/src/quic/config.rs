//! How QUIC is done: its TLS, and what a peer may make us hold.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{ClientConfig, ServerConfig, TransportConfig, VarInt};
use rustls::pki_types::ServerName;

use crate::tls::{Seen, ServerSettings, ServerTls, Settings, TlsError, Trust, server_name};

/// What is spoken, where nobody says otherwise: QUIC wants a name for it.
pub const PROTOCOL: &str = "callbox-nc";

/// Bytes of text that a peer may send before they are read. Enough for a gigabit over 8 ms.
const WINDOW: u32 = 1 << 20;

/// Bytes of text that wait for the peer's acknowledgement; then `write` takes no more.
const SEND_WINDOW: u64 = 2 << 20;

/// A peer that is not heard for so long is gone; somebody who says nothing says so three times in it.
const GONE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW)
        .max_idle_timeout(GONE.0.try_into().ok())
        .keep_alive_interval(Some(GONE.1))
        .datagram_receive_buffer_size(None)
        .enable_segmentation_offload(false);
    Arc::new(transport)
}

fn named(protocols: &[String]) -> Vec<&str> {
    if protocols.is_empty() {
        vec![PROTOCOL]
    } else {
        protocols.iter().map(String::as_str).collect()
    }
}

/// QUIC has a cipher of its own for its first packets, whatever comes after it.
const CIPHERS: &str = "QUIC wants the cipher TLS_AES_128_GCM_SHA256 among those of TLS 1.3";

/// What a client of `host` needs, the name that it gives, and where it will be seen what the server showed.
pub(super) fn client(
    settings: &Settings,
    host: &str,
    protocols: &[String],
) -> Result<(ClientConfig, String, Arc<OnceLock<Seen>>), TlsError> {
    let name = match (server_name(host), &settings.trust) {
        // An address is not told to the server, so this one stands for no name at all.
        (Err(_), Trust::Anyone) => "0.0.0.0".to_owned(),
        (name, _) => match name? {
            ServerName::IpAddress(address) => std::net::IpAddr::from(address).to_string(),
            name => name.to_str().into_owned(),
        },
    };
    let (tls, seen) = settings.config(&named(protocols))?;
    let crypto =
        QuicClientConfig::try_from(tls).map_err(|_| TlsError::Failed(CIPHERS.to_owned()))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(transport());
    Ok((config, name, seen))
}

/// What a server needs.
pub(super) fn server(settings: &ServerSettings) -> Result<ServerConfig, TlsError> {
    let protocols = named(&settings.protocols).into_iter().map(str::to_owned).collect();
    let tls = ServerTls::new(&ServerSettings { protocols, ..settings.clone() })?;
    let crypto = QuicServerConfig::try_from(tls.config())
        .map_err(|_| TlsError::Failed(CIPHERS.to_owned()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(transport())
        .max_incoming(super::ARRIVALS)
        .incoming_buffer_size(64 << 10)
        .incoming_buffer_size_total(4 << 20);
    Ok(config)
}
