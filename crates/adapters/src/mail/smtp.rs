//! Handing e-mails to a mail server (RFC 5321; submission with TLS by RFC 8314, STARTTLS by RFC 3207).
//!
//! One connection a letter: a pooled one that the server has closed meanwhile would fail the next letter, and letters
//! are few. The whole hand-over has a deadline, because the library's own covers connecting only.

use std::{fmt, time::Duration};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        self,
        authentication::Mechanism,
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::{Mail, Undelivered, letter::line, refusal};
use crate::egress::Egress;

/// How the connection is protected. There is no falling back to less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte; port 465.
    Implicit,
    /// TLS after STARTTLS; port 587. A server that does not offer it gets nothing.
    StartTls,
    /// None: a mail server of this machine.
    None,
}

/// With whom we speak as whom.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<Credentials>,
    /// Address of the sender.
    pub from: String,
    /// An authority in PEM that vouches for the server, besides the machine's own.
    pub ca_pem: Option<Vec<u8>>,
    /// For the whole hand-over of one letter.
    pub timeout: Duration,
}

/// Why a mail server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("the sender's address is not one")]
    From,
    #[error("a password would be sent in clear")]
    ClearPassword,
    #[error("TLS cannot be set up")]
    Tls(#[source] smtp::Error),
}

/// A mail server of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    egress: Egress,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    pub fn new(settings: SmtpSettings, egress: Egress) -> Result<Self, SmtpError> {
        settings.from.parse::<Address>().map_err(|_| SmtpError::From)?;
        let tls = match settings.security {
            Security::None if settings.credentials.is_some() => return Err(SmtpError::ClearPassword),
            Security::None => None,
            Security::Implicit | Security::StartTls => {
                let mut tls = TlsParameters::builder(settings.host.clone());
                if let Some(pem) = &settings.ca_pem {
                    tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(SmtpError::Tls)?);
                }
                Some(tls.build_rustls().map_err(SmtpError::Tls)?)
            }
        };
        Ok(Self {
            settings,
            tls,
            egress,
        })
    }

    pub(super) async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        let message = compose(mail, &self.settings.from)?;
        timeout(self.settings.timeout, self.hand_over(&message, &mail.to))
            .await
            .map_err(|_| Undelivered::new("the mail server did not answer in time"))?
    }

    async fn hand_over(&self, message: &Message, to: &SecretString) -> Result<(), Undelivered> {
        let SmtpSettings { host, port, .. } = &self.settings;
        let addresses = self
            .egress
            .relay_addresses(host, *port)
            .await
            .map_err(|error| Undelivered::new(error.to_string()))?;
        let hello = ClientId::Domain(domain(&self.settings.from).to_owned());
        let wait = Some(self.settings.timeout);
        let implicit = self
            .tls
            .clone()
            .filter(|_| self.settings.security == Security::Implicit);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), wait, &hello, implicit, None)
                .await
                .map_err(|error| told(&error))?;
        if let (Security::StartTls, Some(tls)) = (self.settings.security, &self.tls) {
            connection
                .starttls(tls.clone(), &hello)
                .await
                .map_err(|error| told(&error))?;
        }
        if let Some(Credentials { user, password }) = &self.settings.credentials {
            let password = password.expose_secret().to_owned();
            let credentials = smtp::authentication::Credentials::new(user.clone(), password);
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await
                .map_err(|error| told(&error))?;
        }
        connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(|error| offered(&error, to))?;
        // The letter is the server's by now; how the connection ends does not matter.
        let _ = connection.quit().await;
        Ok(())
    }
}

/// Replies about who sends, and not about what is sent (RFC 4954 section 6): the next try may have another password.
const OURS: [u16; 4] = [530, 534, 535, 538];

/// What became of a letter that the server was offered. What it refuses for good (5yz, RFC 5321 section 4.2.1) is not
/// offered again.
fn offered(error: &smtp::Error, to: &SecretString) -> Undelivered {
    let (Some(code), true) = (error.status().map(u16::from), error.is_permanent()) else {
        return told(error);
    };
    if OURS.contains(&code) {
        return told(error);
    }
    let said = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    let said = refusal::words(&said, to.expose_secret());
    Undelivered::for_good(
        format!("the mail server refused it: {code} {said}")
            .trim_end()
            .to_owned(),
    )
}

/// What may be told of a failure: a server's text can repeat addresses, its code cannot.
fn told(error: &smtp::Error) -> Undelivered {
    if let Some(code) = error.status() {
        return Undelivered::new(format!("the mail server answered {code}"));
    }
    Undelivered::new(match error {
        error if error.is_timeout() => "the mail server did not answer in time",
        error if error.is_tls() => "the mail server's TLS is not accepted",
        error if error.is_client() => "the mail server does not offer what is needed",
        _ => "the connection to the mail server failed",
    })
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

/// The whole message: text, and the same as HTML.
pub(super) fn compose(mail: &Mail, from: &str) -> Result<Message, Undelivered> {
    let impossible = |_| Undelivered::new("an address is not one");
    let from_address: Address = from.parse().map_err(impossible)?;
    let to: Address = mail.to.expose_secret().parse().map_err(impossible)?;
    let generated = HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    // A name with control characters in it cannot be written as one: the library panics.
    let name = Some(line(&mail.from)).filter(|name| !name.is_empty());
    Message::builder()
        .from(Mailbox::new(name, from_address))
        .to(Mailbox::new(None, to))
        .subject(line(&mail.subject))
        .date(mail.at.into())
        // However often it is sent, it is the same letter.
        .message_id(Some(format!("<{}@{}>", mail.id.simple(), domain(from))))
        .raw_header(generated)
        .multipart(MultiPart::alternative_plain_html(
            mail.text.expose_secret().to_owned(),
            mail.html.expose_secret().to_owned(),
        ))
        .map_err(|_| Undelivered::new("the letter cannot be written"))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::egress::Policy;

    const HEADERS: &[&str] = &[
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];

    fn mail(from: &str, subject: &str) -> Mail {
        Mail {
            id: Uuid::from_u128(7),
            from: from.to_owned(),
            to: SecretString::from("siti@kayu.example"),
            subject: subject.to_owned(),
            text: SecretString::from("Halo"),
            html: SecretString::from("<p>Halo</p>"),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn no_name_and_no_subject_brings_a_header_of_its_own() {
        let evil = "Kayu\r\nBcc: thief@evil.example\r\n\r\nbody";
        let message = compose(&mail(evil, evil), "no-reply@simpul.example").expect("a letter");
        let text = String::from_utf8(message.formatted()).expect("ASCII");
        let headers = text.split_once("\r\n\r\n").expect("a head").0;
        assert!(!headers.to_lowercase().contains("\nbcc:"), "{headers}");
        assert_eq!(message.envelope().to().len(), 1);
        assert!(headers.contains("Message-ID: <00000000000000000000000000000007@simpul.example>"));
        assert!(headers.contains("Auto-Submitted: auto-generated"));
    }

    proptest! {
        #[test]
        fn whatever_an_operator_is_called_there_is_a_letter_to_one_recipient(name in ".{0,40}", subject in ".{0,40}") {
            let message = compose(&mail(&name, &subject), "no-reply@simpul.example").expect("a letter");
            let text = String::from_utf8(message.formatted()).expect("ASCII");
            let head = text.split_once("\r\n\r\n").expect("a head").0;
            let names = head.lines().filter(|line| !line.starts_with([' ', '\t']));
            let unknown = names.filter_map(|line| line.split_once(':')).find(|(name, _)| !HEADERS.contains(name));
            prop_assert_eq!(unknown, None);
            prop_assert_eq!(message.envelope().to().len(), 1);
        }
    }

    #[test]
    fn a_password_is_never_sent_in_clear() {
        let settings = SmtpSettings {
            host: "mail.example".to_owned(),
            port: 25,
            security: Security::None,
            credentials: Some(Credentials {
                user: "simpul".to_owned(),
                password: SecretString::from("rahasia"),
            }),
            from: "no-reply@simpul.example".to_owned(),
            ca_pem: None,
            timeout: Duration::from_secs(1),
        };
        let egress = Egress::new(Policy::production()).expect("a guard");
        assert!(!format!("{settings:?}").contains("rahasia"));
        let refused = Smtp::new(settings, egress).expect_err("refused");
        assert!(matches!(refused, SmtpError::ClearPassword));
    }
}
