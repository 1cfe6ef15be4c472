//! What a proxy asks for before it serves, and what is answered: challenges and credentials as HTTP writes them
//! (RFC 9110 section 11), and Digest's arithmetic (RFC 7616), for both sides.

use md5::Md5;
use sha2::Sha256;

/// The most challenges, and the most parameters of one, that are looked at. Proxies send two or three.
const LISTED_MAX: usize = 32;

/// How a Digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm {
    pub hash: Hash,
    /// The secret is hashed once more with both nonces, so that it is another in each session (`-sess`).
    pub is_session: bool,
}

/// The hash of a Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    /// Broken as a hash, and still what most proxies ask for.
    Md5,
    Sha256,
}

impl Algorithm {
    pub(super) const MD5: Self = Self { hash: Hash::Md5, is_session: false };
    pub(super) const SHA_256: Self = Self { hash: Hash::Sha256, is_session: false };
    pub(super) const MD5_SESSION: Self = Self { hash: Hash::Md5, is_session: true };
    pub(super) const SHA_256_SESSION: Self = Self { hash: Hash::Sha256, is_session: true };

    const ALL: [Self; 4] = [Self::MD5, Self::SHA_256, Self::MD5_SESSION, Self::SHA_256_SESSION];

    /// The algorithm of this name; without a name it is MD5.
    pub(super) fn named(name: Option<&[u8]>) -> Option<Self> {
        let Some(name) = name else { return Some(Self::MD5) };
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.name().as_bytes()))
    }

    pub(super) const fn name(self) -> &'static str {
        match (self.hash, self.is_session) {
            (Hash::Md5, false) => "MD5",
            (Hash::Md5, true) => "MD5-sess",
            (Hash::Sha256, false) => "SHA-256",
            (Hash::Sha256, true) => "SHA-256-sess",
        }
    }
}

impl Hash {
    /// The hash of the parts with colons between, in hexadecimal.
    fn of(self, parts: &[&[u8]]) -> String {
        fn run<H: sha2::Digest>(parts: &[&[u8]]) -> String {
            let mut hash = H::new();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            hex(&hash.finalize())
        }
        match self {
            Self::Md5 => run::<Md5>(parts),
            Self::Sha256 => run::<Sha256>(parts),
        }
    }
}

/// Bytes in hexadecimal, in small letters.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

/// What goes into the response of a Digest.
pub(super) struct Response<'a> {
    pub algorithm: Algorithm,
    pub user: &'a [u8],
    pub realm: &'a [u8],
    pub password: &'a [u8],
    pub method: &'a [u8],
    pub uri: &'a [u8],
    pub nonce: &'a [u8],
    /// The count and the client's nonce, if the quality of protection is `auth`; else it is as before RFC 2617.
    pub auth: Option<(&'a [u8], &'a [u8])>,
}

impl Response<'_> {
    /// The response (RFC 7616 section 3.4.1). Without a client's nonce there is no session.
    pub(super) fn compute(&self) -> String {
        let hash = |parts: &[&[u8]]| self.algorithm.hash.of(parts);
        let mut secret = hash(&[self.user, self.realm, self.password]);
        if let (true, Some((_, cnonce))) = (self.algorithm.is_session, self.auth) {
            secret = hash(&[secret.as_bytes(), self.nonce, cnonce]);
        }
        let request = hash(&[self.method, self.uri]);
        let (secret, request) = (secret.as_bytes(), request.as_bytes());
        match self.auth {
            Some((count, cnonce)) => hash(&[secret, self.nonce, count, cnonce, b"auth", request]),
            None => hash(&[secret, self.nonce, request]),
        }
    }
}

/// A way to show who one is, with its parameters: what stands in `Proxy-Authenticate` and `Proxy-Authorization`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scheme {
    pub name: String,
    params: Vec<(String, Vec<u8>)>,
}

impl Scheme {
    /// Reads the schemes that stand in a header's value with commas between. What makes no sense is passed over.
    pub(super) fn list(value: &[u8]) -> Vec<Self> {
        let mut schemes: Vec<Self> = Vec::new();
        let mut reader = Reader(value);
        loop {
            reader.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
            if reader.0.is_empty() {
                return schemes;
            }
            let name = reader.token();
            reader.skip(is_space);
            if name.is_empty() {
                reader.skip_to_comma();
            } else if reader.0.first() == Some(&b'=') {
                reader.0 = &reader.0[1..];
                reader.skip(is_space);
                let value = reader.value();
                reader.skip_to_comma();
                if let Some(scheme) = schemes.last_mut().filter(|s| s.params.len() < LISTED_MAX) {
                    scheme.params.push((name, value));
                }
            } else if schemes.len() < LISTED_MAX {
                schemes.push(Self { name, params: Vec::new() });
                reader.skip_token68();
            } else {
                return schemes;
            }
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of a parameter, without the quotes it may have had. Of two with one name it is the first.
    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        let found = self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// Whether a parameter, a list with commas, holds this word.
    pub(super) fn param_has(&self, name: &str, word: &str) -> bool {
        let mut words = self.param(name).unwrap_or_default().split(|&byte| byte == b',');
        words.any(|found| found.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// A parameter's value in quotes.
pub(super) fn quote(value: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in value {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        let end = self.0.iter().position(|&byte| !is_skipped(byte)).unwrap_or(self.0.len());
        self.0 = &self.0[end..];
    }

    /// The token here (RFC 9110 section 5.6.2); empty if there is none.
    fn token(&mut self) -> String {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let end = self.0.iter().position(|&byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token.iter().map(|&byte| char::from(byte)).collect()
    }

    /// What is in the quotes here, or everything up to a comma or white space.
    fn value(&mut self) -> Vec<u8> {
        let Some(quoted) = self.0.strip_prefix(b"\"") else {
            let ends = |byte: u8| byte == b',' || is_space(byte);
            let end = self.0.iter().position(|&byte| ends(byte)).unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return value.to_vec();
        };
        let mut value = Vec::new();
        let mut bytes = quoted.iter();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'"' => break,
                b'\\' => value.extend(bytes.next()),
                _ => value.push(byte),
            }
        }
        self.0 = bytes.as_slice();
        value
    }

    /// Passes over what some schemes have in place of parameters: one word, and equals signs at its end.
    fn skip_token68(&mut self) {
        let mut ahead = Reader(self.0);
        ahead.token();
        ahead.skip(is_space);
        let is_param = ahead.0.first() == Some(&b'=')
            && ahead.0.get(1).is_some_and(|&byte| !matches!(byte, b'=' | b','));
        if !is_param {
            self.skip_to_comma();
        }
    }

    fn skip_to_comma(&mut self) {
        self.skip(|byte| byte != b',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn responses_are_those_of_the_rfcs() {
        // RFC 7616 section 3.9.1.
        let mut response = Response {
            algorithm: Algorithm::SHA_256,
            user: b"Mufasa",
            realm: b"http-auth@example.org",
            password: b"Circle of Life",
            method: b"GET",
            uri: b"/dir/index.html",
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            auth: Some((b"00000001", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        assert_eq!(
            response.compute(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        response.algorithm = Algorithm::MD5;
        assert_eq!(response.compute(), "8ca523f5e9506fed4657c9700eebdbec");
        // RFC 2069 with the parameters of RFC 2617's example, as its errata has it.
        response.realm = b"testrealm@host.com";
        response.password = b"CircleOfLife";
        response.nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        response.auth = None;
        assert_eq!(response.compute(), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn several_challenges_may_stand_in_one_line() {
        let line = br#"Basic realm="a, \"b\"", Negotiate YII==, Kerberos YI/I , Digest realm=x, nonce = "n=,1" ,qop="auth,auth-int",NTLM"#;
        let schemes = Scheme::list(line);
        let names: Vec<_> = schemes.iter().map(|scheme| scheme.name.as_str()).collect();
        assert_eq!(names, ["Basic", "Negotiate", "Kerberos", "Digest", "NTLM"]);
        assert_eq!(schemes[0].param("REALM"), Some(&b"a, \"b\""[..]));
        assert_eq!(schemes[3].param("nonce"), Some(&b"n=,1"[..]));
        assert_eq!(schemes[3].param("realm"), Some(&b"x"[..]));
        assert!(schemes[3].param_has("qop", "auth") && !schemes[3].param_has("qop", "au"));
        assert_eq!(schemes[4].param("nonce"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list(value: Vec<u8>, text in "([a-z]{1,2}[ =\",\\\\]{0,2}){0,100}") {
            for value in [&value[..], text.as_bytes()] {
                let schemes = Scheme::list(value);
                prop_assert!(schemes.len() <= LISTED_MAX);
                prop_assert!(schemes.iter().all(|scheme| scheme.params.len() <= LISTED_MAX));
            }
        }

        #[test]
        fn what_was_quoted_is_read_again(value: Vec<u8>) {
            let line = [b"Digest a=", &quote(&value)[..], b", b=c"].concat();
            let schemes = Scheme::list(&line);
            prop_assert_eq!(schemes[0].param("a"), Some(&value[..]));
            prop_assert_eq!(schemes[0].param("b"), Some(&b"c"[..]));
        }
    }
}
