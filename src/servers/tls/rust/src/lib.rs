//! TLS 1.3 to a server whose public key is pinned, as a WebAssembly module without generated glue. The embedder passes
//! bytes in and out of this module's memory through the functions below; a session is a pointer that `session_new` gave.

mod certificate;
mod pinned;
mod provider;
mod session;

use rustls::{CertificateError, Error, HandshakeType, PeerIncompatible, PeerMisbehaved};

use session::Session;

/// What a session is, beside its buffers.
pub struct Handle {
    session: Session,
    /// Plaintext that the embedder wrote.
    sending: Vec<u8>,
    words: String,
}

const HANDSHAKING: u32 = 0;
const READY: u32 = 1;
const CLOSED: u32 = 2;
/// Failures: see `FAILURES` in TlsSession.ts.
const OTHER_FAILURE: u32 = 16;
const WRONG_KEY: u32 = 17;
const BAD_CERTIFICATE: u32 = 18;
const BAD_SIGNATURE: u32 = 19;
const NO_CERTIFICATE: u32 = 20;
const NOT_TLS_13: u32 = 21;
const NO_SIGNATURE: u32 = 22;

/// Room for a pin: 32 bytes, to be filled before `session_new`.
#[no_mangle]
pub extern "C" fn pin_new() -> *mut [u8; 32] {
    Box::into_raw(Box::new([0; 32]))
}

/// Begins a session with the server whose SubjectPublicKeyInfo has this SHA-256. Takes the pin. Null if it cannot begin.
#[no_mangle]
pub unsafe extern "C" fn session_new(pin: *mut [u8; 32]) -> *mut Handle {
    let pin = Box::from_raw(pin);
    match Session::new(*pin) {
        Ok(session) => Box::into_raw(Box::new(Handle {
            session,
            sending: Vec::new(),
            words: String::new(),
        })),
        Err(_) => std::ptr::null_mut(),
    }
}

#[no_mangle]
pub unsafe extern "C" fn session_free(handle: *mut Handle) {
    drop(Box::from_raw(handle));
}

/// Where `length` bytes of ciphertext from the server are to be put, before `session_receive`.
#[no_mangle]
pub extern "C" fn session_room(handle: &mut Handle, length: usize) -> *mut u8 {
    append(&mut handle.session.incoming, length)
}

/// Processes the ciphertext; gives the session's state.
#[no_mangle]
pub extern "C" fn session_receive(handle: &mut Handle) -> u32 {
    handle.session.receive();
    state(handle)
}

/// Where `length` bytes of plaintext are to be put, before `session_send`.
#[no_mangle]
pub extern "C" fn session_sending_room(handle: &mut Handle, length: usize) -> *mut u8 {
    append(&mut handle.sending, length)
}

/// Encrypts the plaintext, which is a failure before the session is ready; gives the session's state.
#[no_mangle]
pub extern "C" fn session_send(handle: &mut Handle) -> u32 {
    let sending = std::mem::take(&mut handle.sending);
    handle.session.send(&sending);
    state(handle)
}

/// Ciphertext for the server: to be copied at once, then cleared.
#[no_mangle]
pub extern "C" fn session_outgoing(handle: &mut Handle) -> *const u8 {
    handle.session.outgoing.as_ptr()
}

#[no_mangle]
pub extern "C" fn session_outgoing_length(handle: &mut Handle) -> usize {
    handle.session.outgoing.len()
}

#[no_mangle]
pub extern "C" fn session_outgoing_clear(handle: &mut Handle) {
    handle.session.outgoing.clear();
}

/// Plaintext from the server: to be copied at once, then cleared.
#[no_mangle]
pub extern "C" fn session_received(handle: &mut Handle) -> *const u8 {
    handle.session.received.as_ptr()
}

#[no_mangle]
pub extern "C" fn session_received_length(handle: &mut Handle) -> usize {
    handle.session.received.len()
}

#[no_mangle]
pub extern "C" fn session_received_clear(handle: &mut Handle) {
    handle.session.received.clear();
}

/// The failure in words: UTF-8.
#[no_mangle]
pub extern "C" fn session_words(handle: &mut Handle) -> *const u8 {
    handle.words.as_ptr()
}

#[no_mangle]
pub extern "C" fn session_words_length(handle: &mut Handle) -> usize {
    handle.words.len()
}

fn append(buffer: &mut Vec<u8>, length: usize) -> *mut u8 {
    let start = buffer.len();
    buffer.resize(start + length, 0);
    buffer[start..].as_mut_ptr()
}

fn state(handle: &mut Handle) -> u32 {
    let session = &handle.session;
    let Some(error) = &session.failure else {
        return match (session.is_closed, session.is_ready) {
            (true, _) => CLOSED,
            (false, true) => READY,
            (false, false) => HANDSHAKING,
        };
    };
    handle.words = format!("{error}");
    match error {
        Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => WRONG_KEY,
        Error::InvalidCertificate(CertificateError::BadSignature) => BAD_SIGNATURE,
        Error::InvalidCertificate(_) => BAD_CERTIFICATE,
        Error::NoCertificatesPresented => NO_CERTIFICATE,
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => NOT_TLS_13,
        Error::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme) => BAD_SIGNATURE,
        Error::InappropriateHandshakeMessage { expect_types, .. }
            if expect_types.contains(&HandshakeType::Certificate)
                || expect_types.contains(&HandshakeType::CertificateVerify) =>
        {
            NO_SIGNATURE
        }
        _ => OTHER_FAILURE,
    }
}
