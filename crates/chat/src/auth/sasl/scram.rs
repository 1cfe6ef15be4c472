//! SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, pure: messages and keys.
//!
//! The client proves that it knows the password without saying it, and the server proves that it knows the account.
//! Channel binding is not offered: clients that say they could (`y`) or could not (`n`) are taken, and those that
//! insist (`p=`) are not.
//!
//! Written here, because the libraries that there are answer for unknown accounts with a salt that changes from one
//! question to the next, which tells that they are unknown, or do not undo the escapes in names. HMAC, SHA-256 and
//! PBKDF2 are not ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac_array;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::account::ScramKeys;

/// Random bytes in the server's part of the nonce.
const NONCE: usize = 18;

/// The client's first message.
#[derive(Debug)]
pub(in crate::auth) struct ClientFirst<'a> {
    /// `n,,` or the like, as it stands.
    header: &'a str,
    /// What follows, as it stands.
    bare: &'a str,
    authzid: String,
    username: String,
    nonce: &'a str,
}

/// What the server answered to it, and what it needs to check the proof.
pub(in crate::auth) struct Offer {
    header: String,
    client_first_bare: String,
    server_first: String,
    /// Both parts.
    nonce: String,
    keys: ScramKeys,
}

/// Keys for accounts that do not exist: always the same for a name, and nothing that anybody can prove to know.
pub(in crate::auth) struct Disguise {
    secret: [u8; 32],
}

impl<'a> ClientFirst<'a> {
    /// Reads the message (RFC 5802, section 7).
    pub(in crate::auth) fn parse(message: &'a [u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (binding, rest) = message.split_once(',')?;
        if binding != "n" && binding != "y" {
            return None;
        }
        let (authzid, bare) = rest.split_once(',')?;
        let authzid = match authzid {
            "" => String::new(),
            authzid => saslname(authzid.strip_prefix("a=")?)?,
        };
        // A message that begins with `m=` asks for an extension that nobody has defined, and has to fail.
        let mut attributes = bare.split(',');
        let username = saslname(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let printable = nonce.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
        if nonce.is_empty() || !printable || !attributes.all(is_extension) {
            return None;
        }
        let header = &message[..message.len() - bare.len()];
        Some(Self { header, bare, authzid, username, nonce })
    }

    /// Who wants to log in, unescaped.
    pub(in crate::auth) fn username(&self) -> &str {
        &self.username
    }

    /// Who is to be spoken for, unescaped; empty for the same.
    pub(in crate::auth) fn authzid(&self) -> &str {
        &self.authzid
    }

    /// Answers with the salt in `keys`. `nonce` is fresh and without commas.
    pub(in crate::auth) fn offer(&self, nonce: &str, keys: ScramKeys) -> Offer {
        let nonce = format!("{}{nonce}", self.nonce);
        let salt = STANDARD.encode(&keys.salt);
        Offer {
            header: self.header.into(),
            client_first_bare: self.bare.into(),
            server_first: format!("r={nonce},s={salt},i={}", keys.iterations),
            nonce,
            keys,
        }
    }
}

impl Offer {
    /// What is said to the client.
    pub(in crate::auth) fn message(&self) -> &[u8] {
        self.server_first.as_bytes()
    }

    /// Checks the client's proof. Returns the server's own, which is the last message, or `None` if it is wrong.
    pub(in crate::auth) fn verify(&self, client_final: &[u8]) -> Option<String> {
        let client_final = std::str::from_utf8(client_final).ok()?;
        let (without_proof, proof) = client_final.rsplit_once(",p=")?;
        let proof = <[u8; 32]>::try_from(STANDARD.decode(proof).ok()?).ok()?;
        let mut attributes = without_proof.split(',');
        let header = STANDARD.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        if header != self.header.as_bytes() || nonce != self.nonce || !attributes.all(is_extension)
        {
            return None;
        }
        let said = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let signature = hmac(&self.keys.stored_key, &[said.as_bytes()]);
        let mut client_key = Zeroizing::new(proof);
        client_key.iter_mut().zip(signature).for_each(|(byte, of_signature)| *byte ^= of_signature);
        let stored_key: [u8; 32] = Sha256::digest(*client_key).into();
        if !bool::from(stored_key.ct_eq(&self.keys.stored_key)) {
            return None;
        }
        let ours = hmac(&self.keys.server_key, &[said.as_bytes()]);
        Some(format!("v={}", STANDARD.encode(ours)))
    }
}

impl Disguise {
    /// Keys made from `secret`.
    pub(in crate::auth) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// Those of the account that does not exist and whose folded name would be `key`.
    pub(in crate::auth) fn keys(&self, key: &str, iterations: u32) -> ScramKeys {
        let made_of = |what: &str| hmac(&self.secret, &[what.as_bytes(), key.as_bytes()]);
        ScramKeys {
            salt: made_of("salt:")[..16].to_vec(),
            iterations,
            stored_key: made_of("stored key:"),
            server_key: made_of("server key:"),
        }
    }
}

/// The keys of a prepared password (RFC 5802, section 3). Takes as long as `iterations` say.
pub(in crate::auth) fn derive_keys(prepared: &str, salt: &[u8], iterations: u32) -> ScramKeys {
    let salted: Zeroizing<[u8; 32]> =
        Zeroizing::new(pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), salt, iterations));
    let client_key = Zeroizing::new(hmac(&salted, &[b"Client Key"]));
    ScramKeys {
        salt: salt.to_vec(),
        iterations,
        stored_key: Sha256::digest(*client_key).into(),
        server_key: hmac(&salted, &[b"Server Key"]),
    }
}

/// A fresh server's part of a nonce.
pub(in crate::auth) fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; NONCE];
    getrandom::fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// A name with `=2C` for the comma and `=3D` for the equals sign, and no other use of that.
fn saslname(escaped: &str) -> Option<String> {
    let mut parts = escaped.split('=');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        name.push(match code {
            "2C" | "2c" => ',',
            "3D" | "3d" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// A letter, an equals sign and something. What it says is none of ours.
fn is_extension(attribute: &str) -> bool {
    let mut chars = attribute.chars();
    chars.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && chars.next() == Some('=')
        && chars.next().is_some()
        && !attribute.contains('\0')
}

#[cfg(test)]
mod tests;
