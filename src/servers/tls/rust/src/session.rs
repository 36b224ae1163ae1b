//! One TLS connection: ciphertext in and out, plaintext out and in. It reads and writes nothing itself.

use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption, UnbufferedClientConnection};
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::version::TLS13;
use rustls::Error;

use crate::pinned::PinnedKey;
use crate::provider::provider;

/// What stays over after each call is at most an unfinished record, or handshake messages that are not complete.
const MOST_LEFT_OVER: usize = 256 * 1024;

pub struct Session {
    connection: UnbufferedClientConnection,
    /// Ciphertext from the server, from its first byte that was not processed.
    pub incoming: Vec<u8>,
    /// Ciphertext for the server.
    pub outgoing: Vec<u8>,
    /// Plaintext from the server.
    pub received: Vec<u8>,
    pub is_ready: bool,
    pub is_closed: bool,
    /// Why nothing more can be had from this connection.
    pub failure: Option<Error>,
}

impl Session {
    pub fn new(pin: [u8; 32]) -> Result<Self, Error> {
        let mut session = Session {
            connection: UnbufferedClientConnection::new(config(pin)?, no_name())?,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            received: Vec::new(),
            is_ready: false,
            is_closed: false,
            failure: None,
        };
        session.advance(&[]);
        match session.failure.take() {
            Some(error) => Err(error),
            None => Ok(session),
        }
    }

    /// Processes what is in `incoming`.
    pub fn receive(&mut self) {
        self.advance(&[]);
    }

    /// Encrypts `plaintext`, once the server has proven who it is and not before.
    pub fn send(&mut self, plaintext: &[u8]) {
        if !self.is_ready && self.failure.is_none() {
            self.failure = Some(Error::HandshakeNotComplete);
        }
        self.advance(plaintext);
    }

    fn advance(&mut self, plaintext: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let mut done = 0;
        let outcome = self.process(&mut incoming, &mut done, plaintext);
        incoming.drain(..done.min(incoming.len()));
        self.incoming = incoming;
        if let Err(error) = outcome {
            self.failure = Some(error);
            // The alert that tells the server why. Nothing else can come of it.
            let _ = self.process(&mut [], &mut 0, &[]);
        } else if self.incoming.len() > MOST_LEFT_OVER {
            self.failure = Some(Error::PeerSentOversizedRecord);
        }
    }

    fn process(&mut self, incoming: &mut [u8], done: &mut usize, plaintext: &[u8]) -> Result<(), Error> {
        loop {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut incoming[*done..]);
            match state {
                Err(error) => {
                    *done += discard;
                    return Err(error);
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        self.received.extend_from_slice(record?.payload);
                    }
                    *done += discard;
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    grow(&mut self.outgoing, |room| match data.encode(room) {
                        Ok(length) => Ok(length),
                        Err(EncodeError::InsufficientSize(size)) => Err(Some(size.required_size)),
                        Err(EncodeError::AlreadyEncoded) => Err(None),
                    })?;
                    *done += discard;
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    *done += discard;
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.is_ready = true;
                    *done += discard;
                    if plaintext.is_empty() {
                        return Ok(());
                    }
                    return grow(&mut self.outgoing, |room| match traffic.encrypt(plaintext, room) {
                        Ok(length) => Ok(length),
                        Err(EncryptError::InsufficientSize(size)) => Err(Some(size.required_size)),
                        Err(EncryptError::EncryptExhausted) => Err(None),
                    });
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.is_closed = true;
                    *done += discard;
                    return Ok(());
                }
                Ok(_) => {
                    *done += discard;
                    return Ok(());
                }
            }
        }
    }
}

/// Appends to `buffer` what `write` writes into the room it is given; it tells how much room it takes if that is too little.
fn grow(buffer: &mut Vec<u8>, mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>) -> Result<(), Error> {
    let start = buffer.len();
    let mut room = 1024;
    for _ in 0..2 {
        buffer.resize(start + room, 0);
        match write(&mut buffer[start..]) {
            Ok(length) => {
                buffer.truncate(start + length);
                return Ok(());
            }
            Err(Some(needed)) => room = needed,
            Err(None) => break,
        }
    }
    buffer.truncate(start);
    Err(Error::EncryptError)
}

fn config(pin: [u8; 32]) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_details(Arc::new(provider), Arc::new(NoTime))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedKey { pin, algorithms }))
        .with_no_client_auth();
    // A resumed session shows no certificate, and the server's name is nobody's business.
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

fn no_name() -> ServerName<'static> {
    ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4])))
}

/// Pinned certificates have no dates that matter, and sessions are not resumed: the time is never looked at.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::ZERO))
    }
}
