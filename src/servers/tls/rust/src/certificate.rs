//! The one thing that is wanted of a certificate: its SubjectPublicKeyInfo. Storage servers have self-signed X.509 v1
//! certificates, which stricter parsers refuse; names, dates, extensions and the certificate's own signature mean nothing
//! where the key is pinned.

/// No certificate of a storage server is nearly as long.
const LONGEST: usize = 16 * 1024;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;

/// The DER of the SubjectPublicKeyInfo, its own header included: what a pin is the SHA-256 of.
///
/// ```text
/// Certificate    ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
/// TBSCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber INTEGER, signature, issuer, validity, subject,
///                               subjectPublicKeyInfo, ... }                            RFC 5280, 4.1
/// ```
pub fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    if certificate.len() > LONGEST {
        return None;
    }
    let mut outer = Der(certificate);
    let mut certificate = Der(outer.contents(SEQUENCE)?);
    if !outer.0.is_empty() {
        return None;
    }
    let mut fields = Der(certificate.contents(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.contents(VERSION)?;
    }
    fields.contents(INTEGER)?;
    for _ in ["signature", "issuer", "validity", "subject"] {
        fields.contents(SEQUENCE)?;
    }
    let from_key = fields.0;
    fields.contents(SEQUENCE)?;
    from_key.get(..from_key.len() - fields.0.len())
}

/// What is left of a run of DER values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Takes the next value, which must have this tag and the shortest form of length.
    fn contents(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        if found != tag {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&low, rest) = rest.split_first()?;
                (at_least(0x80, usize::from(low))?, rest)
            }
            0x82 => {
                let ([high, low], rest) = rest.split_first_chunk()?;
                (at_least(0x100, usize::from(u16::from_be_bytes([*high, *low])))?, rest)
            }
            _ => return None,
        };
        let contents = rest.get(..length)?;
        self.0 = rest.get(length..)?;
        Some(contents)
    }
}

fn at_least(least: usize, length: usize) -> Option<usize> {
    (length >= least).then_some(length)
}
