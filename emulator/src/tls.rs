//! TLS with the emulator's own certificate, for clients that insist on https.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// The names of this machine.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long a certificate is valid; some clients refuse one that is valid for more than 825 days.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far a client's clock may be slow.
const SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate for this machine, with the authority that signed it.
///
/// The authority's private key is discarded as soon as it has signed: a client that trusts the authority trusts only
/// this certificate, and nobody can create another.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    authority: String,
}

/// Why a certificate could not be created or used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate could not be created.
    #[error("cannot create a certificate for this machine: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate could not be used.
    #[error("cannot use the certificate created for this machine: {0}")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Creates a certificate for `localhost`, the loopback addresses, and `address` if it is another one.
    ///
    /// # Errors
    /// If the system provides no randomness.
    pub fn generate(address: IpAddr) -> Result<Tls, TlsError> {
        let authority = authority()?;
        let key = KeyPair::generate()?;
        let certificate = leaf(address)?.signed_by(&key, &authority)?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), authority: authority.pem() })
    }

    /// The authority's certificate in PEM, which clients must trust.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, TlsError> {
    let mut params = params(Vec::new(), "Postern emulator, this machine only")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn leaf(address: IpAddr) -> Result<CertificateParams, TlsError> {
    let mut names: Vec<String> = NAMES.map(str::to_owned).into();
    if !address.is_loopback() && !address.is_unspecified() {
        names.push(address.to_string());
    }
    let mut params = params(names, "localhost")?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn params(names: Vec<String>, common_name: &str) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + LIFETIME).into();
    Ok(params)
}
