//! TLS in memory: the client against rustls's server, and both roles of the codec against each other.

mod client;
mod codec;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

type Certificate = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn key(pair: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(pair.serialize_der()).unwrap()
}

/// For these names, valid from one year to the other, signed by itself.
fn own(names: &[&str], years: (i32, i32)) -> Certificate {
    let pair = KeyPair::generate().unwrap();
    let certificate = params(names, years).self_signed(&pair).unwrap();
    (certificate.der().clone(), key(&pair))
}

fn params(names: &[&str], (from, to): (i32, i32)) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    params
}

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = params(&[], (2020, 2070));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn signed(&self, names: &[&str], years: (i32, i32)) -> Certificate {
        let pair = KeyPair::generate().unwrap();
        let certificate = params(names, years).signed_by(&pair, &self.0).unwrap();
        (certificate.der().clone(), key(&pair))
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }

    fn trust(&self) -> Trust {
        Trust::Authorities(self.roots())
    }
}

const NOW: (i32, i32) = (2020, 2070);

/// Trust in somebody else than whose certificate is shown.
pub(crate) fn another() -> Trust {
    Authority::new().trust()
}
