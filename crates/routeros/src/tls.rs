//! TLS by pinned certificate, which is what the self-signed certificates of routers allow, or by a certificate that an
//! authority has signed for the router's name.
//!
//! INVARIANT of a pin: the peer proves that it holds the key of the pinned certificate; the signature of the handshake is
//! verified as for any other certificate. Names and dates are not looked at, because the pin says more.
//! A router without a certificate offers anonymous Diffie-Hellman only; that is refused by construction.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore,
    SignatureScheme,
};
use subtle::ConstantTimeEq;

/// SHA-256 over the DER form of a certificate. Printed and read as hexadecimal; colons are allowed when reading.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From the digest itself.
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// Of a certificate in DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        let digest = aws_lc_rs_digest(der);
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn aws_lc_rs_digest(bytes: &[u8]) -> [u8; 32] {
    use ::aws_lc_rs::digest::{SHA256, digest};
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text is not 32 bytes in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate fingerprint is 64 hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
        let mut out = [0; 32];
        hex::decode_to_slice(digits, &mut out).map_err(|_| FingerprintError)?;
        Ok(Self(out))
    }
}

/// The certificate shown is not the pinned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the router shows certificate {seen}, pinned is {expected}")]
pub struct PinMismatch {
    /// What was pinned.
    pub expected: Fingerprint,
    /// What the router showed; an operator may confirm it.
    pub seen: Fingerprint,
}

/// Authorities that may vouch for a router's certificate.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// A text is not a list of certificates in PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM is in the text")]
pub struct RootsError;

impl Roots {
    /// Nobody.
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// The machine's own, as far as they can be read.
    pub fn system() -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self(Arc::new(store))
    }

    /// These too, in PEM.
    pub fn with_pem(&self, pem: &[u8]) -> Result<Self, RootsError> {
        let mut store = RootCertStore::clone(&self.0);
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| RootsError)?;
        if certificates.is_empty() {
            return Err(RootsError);
        }
        for certificate in certificates {
            store.add(certificate).map_err(|_| RootsError)?;
        }
        Ok(Self(Arc::new(store)))
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roots")
            .field("certificates", &self.0.len())
            .finish()
    }
}

/// The settings for a client that believes what these authorities have signed.
pub(crate) fn verified_config(roots: &Roots) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(&roots.0))
        .with_no_client_auth())
}

/// The settings for a client that accepts exactly the certificate `pin`.
pub fn client_config(pin: Fingerprint) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(PinVerifier {
        pin,
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The pin mismatch behind a failed handshake, if that is what failed it.
pub(crate) fn pin_mismatch(error: &std::io::Error) -> Option<PinMismatch> {
    let tls = error.get_ref()?.downcast_ref::<TlsError>()?;
    let TlsError::InvalidCertificate(CertificateError::Other(OtherError(cause))) = tls else {
        return None;
    };
    cause.downcast_ref::<PinMismatch>().copied()
}

#[derive(Debug)]
struct PinVerifier {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let seen = Fingerprint::of_certificate(end_entity);
        if bool::from(seen.0.ct_eq(&self.pin.0)) {
            return Ok(ServerCertVerified::assertion());
        }
        let mismatch = PinMismatch {
            expected: self.pin,
            seen,
        };
        Err(TlsError::InvalidCertificate(CertificateError::Other(OtherError(
            Arc::new(mismatch),
        ))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
