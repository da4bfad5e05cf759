//! The two logins. Since 6.43 the password travels as it is; before, a challenge was answered with MD5.
//!
//! INVARIANT: the challenge is only answered for a router that is marked as legacy, and then the password is never
//! sent in clear first: a false router would only have to ask.

use std::fmt;

use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};

use crate::client::{Command, Error, Trap};
use crate::codec::{Reply, ReplyKind};

/// Who logs in, and how.
#[derive(Clone)]
pub struct Login {
    user: String,
    password: SecretString,
    legacy: bool,
}

impl Login {
    /// For `RouterOS` 6.43 and later.
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self {
            user: user.into(),
            password,
            legacy: false,
        }
    }

    /// For `RouterOS` before 6.43, by challenge and response. To be switched on for single routers only.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("legacy", &self.legacy)
            .finish_non_exhaustive()
    }
}

pub(super) enum LoginStep {
    Wait,
    Send(Command),
    LoggedIn,
    Failed(Error),
}

/// Where the login stands.
pub(super) struct LoginState {
    login: Login,
    awaiting_challenge: bool,
    trap: Option<Trap>,
}

impl LoginState {
    pub(super) fn start(login: Login) -> (Self, Command) {
        let first = if login.legacy {
            Command::new("/login")
        } else {
            Command::new("/login")
                .with("name", &login.user)
                .with("password", login.password.expose_secret())
        };
        let awaiting_challenge = login.legacy;
        (
            Self {
                login,
                awaiting_challenge,
                trap: None,
            },
            first,
        )
    }

    pub(super) fn reply(&mut self, reply: &Reply) -> LoginStep {
        match reply.kind {
            ReplyKind::Trap => {
                self.trap.get_or_insert_with(|| Trap::from_reply(reply));
                LoginStep::Wait
            }
            ReplyKind::Done => self.done(reply),
            _ => LoginStep::Wait,
        }
    }

    fn done(&mut self, reply: &Reply) -> LoginStep {
        if let Some(trap) = self.trap.take() {
            return LoginStep::Failed(trap.into());
        }
        let challenge = reply.get("ret").filter(|challenge| !challenge.is_empty());
        match (challenge, self.login.legacy, self.awaiting_challenge) {
            (None, _, false) => LoginStep::LoggedIn,
            (None, _, true) => LoginStep::Failed(Error::Protocol("the login has no challenge".into())),
            (Some(_), false, _) => LoginStep::Failed(Error::LegacyLoginNotAllowed),
            (Some(_), true, false) => {
                LoginStep::Failed(Error::Protocol("the login asks for a second challenge".into()))
            }
            (Some(challenge), true, true) => self.answer(challenge),
        }
    }

    fn answer(&mut self, challenge: &[u8]) -> LoginStep {
        self.awaiting_challenge = false;
        let mut bytes = [0; 16];
        if hex::decode_to_slice(challenge, &mut bytes).is_err() {
            return LoginStep::Failed(Error::Protocol("the login's challenge is not 16 bytes".into()));
        }
        let response = challenge_response(self.login.password.expose_secret().as_bytes(), &bytes);
        LoginStep::Send(
            Command::new("/login")
                .with("name", &self.login.user)
                .with("response", response),
        )
    }
}

/// `00` and the MD5 of a zero byte, the password and the challenge.
pub(crate) fn challenge_response(password: &[u8], challenge: &[u8; 16]) -> String {
    let digest = Md5::new()
        .chain_update([0])
        .chain_update(password)
        .chain_update(challenge)
        .finalize();
    format!("00{}", hex::encode(digest))
}
