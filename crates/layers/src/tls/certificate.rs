//! What people want to know of a certificate: whose it is, who signed it, its fingerprints.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::Fingerprint;

/// Parts of a name that are shown. Certificates have three to six.
const PARTS: usize = 12;

/// What a certificate says, as text from whoever made it: show it escaped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct About {
    /// Whose it is: `CN=example.org, O=Example`. Empty if it does not say so here.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Its SHA-256.
    pub fingerprint: Fingerprint,
    /// Its SHA-1 as ncat shows it: `6CDD A569 …`.
    pub sha1: String,
}

impl About {
    /// Of a certificate in DER. Names that cannot be read are empty.
    pub fn of(certificate: &[u8]) -> Self {
        let der = CertificateDer::from(certificate);
        let parsed = EndEntityCert::try_from(&der).ok();
        let name = |bytes: Option<&[u8]>| bytes.and_then(name_text).unwrap_or_default();
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let pairs = hash.as_ref().chunks(2);
        Self {
            subject: name(parsed.as_ref().map(|parsed| parsed.subject())),
            issuer: name(parsed.as_ref().map(|parsed| parsed.issuer())),
            fingerprint: Fingerprint::of(certificate),
            sha1: pairs
                .map(|pair| pair.iter().map(|byte| format!("{byte:02X}")).collect())
                .collect::<Vec<String>>()
                .join(" "),
        }
    }
}

/// The contents of a Name (RFC 5280, section 4.1.2.4), as `CN=…, O=…`.
fn name_text(mut name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    while !name.is_empty() && parts.len() < PARTS {
        let mut set = element(&mut name, 0x31)?;
        while !set.is_empty() {
            let mut attribute = element(&mut set, 0x30)?;
            let kind = element(&mut attribute, 0x06)?;
            let (tag, value) = any_element(&mut attribute)?;
            let text = match tag {
                // Two bytes a character.
                0x1e => {
                    let units = value.as_chunks::<2>().0.iter().copied().map(u16::from_be_bytes);
                    char::decode_utf16(units)
                        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                        .collect()
                }
                _ => String::from_utf8_lossy(value).into_owned(),
            };
            parts.push(format!("{}={text}", kind_text(kind)));
        }
    }
    Some(parts.join(", "))
}

fn kind_text(kind: &[u8]) -> String {
    match kind {
        [0x55, 4, 3] => "CN".to_owned(),
        [0x55, 4, 5] => "serialNumber".to_owned(),
        [0x55, 4, 6] => "C".to_owned(),
        [0x55, 4, 7] => "L".to_owned(),
        [0x55, 4, 8] => "ST".to_owned(),
        [0x55, 4, 9] => "street".to_owned(),
        [0x55, 4, 10] => "O".to_owned(),
        [0x55, 4, 11] => "OU".to_owned(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress".to_owned(),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC".to_owned(),
        other => format!("#{}", other.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

fn element<'a>(input: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    any_element(input).filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
}

/// The tag and the contents of the next element of DER.
fn any_element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], rest) = input.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn a_certificate_is_told_by_its_names_and_fingerprints() {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Ex, ample");
        params.distinguished_name.push(DnType::CommonName, "näme");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let about = About::of(certificate.der());
        assert_eq!(about.subject, "C=DE, O=Ex, ample, CN=näme");
        assert_eq!(about.issuer, about.subject);
        assert_eq!((about.sha1.len(), about.sha1.split(' ').count()), (49, 10));
        let broken = About::of(b"abc");
        assert_eq!(broken.sha1, "A999 3E36 4706 816A BA3E 2571 7850 C26C 9CD0 D89D");
        assert_eq!((broken.subject.as_str(), broken.issuer.as_str()), ("", ""));
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = name_text(&bytes);
            let _ = name_text(&[&[0x31, 0x82], &bytes[..]].concat());
        }
    }
}
