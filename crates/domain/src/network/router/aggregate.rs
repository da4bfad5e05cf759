//! State and decisions of a router.

use serde::{Deserialize, Serialize};

use super::{
    RouterAddress, RouterAddressChanged, RouterCommand, RouterError, RouterEvent, RouterIdentified,
    RouterRegistered, RouterRetired,
};
use crate::{Decider, RouterId, Sealed, aggregate};

/// Whether a router is managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RouterStatus {
    #[default]
    Absent,
    Managed,
    Retired,
}

/// One router.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Router {
    status: RouterStatus,
    known: Option<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    router: RouterId,
    address: RouterAddress,
    username: String,
    password: Sealed,
    /// What it said at this address; another one is refused from then on.
    identity: Option<Identity>,
    /// The last serial number, at whichever address.
    serial: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    serial: Option<String>,
    name: String,
    version: String,
}

aggregate!(Router);

impl Router {
    pub const fn status(&self) -> RouterStatus {
        self.status
    }

    fn managed(&self) -> Result<&Known, RouterError> {
        match (self.status, &self.known) {
            (RouterStatus::Managed, Some(known)) => Ok(known),
            (RouterStatus::Retired, _) => Err(RouterError::Retired),
            (RouterStatus::Absent | RouterStatus::Managed, _) => Err(RouterError::NotFound),
        }
    }
}

fn check_text(text: &str, field: &'static str) -> Result<(), RouterError> {
    if text.trim().is_empty() || text.chars().count() > 100 {
        Err(RouterError::TextInvalid { field })
    } else {
        Ok(())
    }
}

fn check_port(address: &RouterAddress) -> Result<(), RouterError> {
    if address.port == 0 {
        Err(RouterError::PortInvalid)
    } else {
        Ok(())
    }
}

impl Decider for Router {
    const TYPE: &'static str = "network.router";
    const STATE_VERSION: i32 = 2;
    type Command = RouterCommand;
    type Event = RouterEvent;
    type Error = RouterError;

    fn decide(&self, command: RouterCommand) -> Result<Vec<RouterEvent>, RouterError> {
        match command {
            RouterCommand::Register(register) => {
                check_text(&register.name, "name")?;
                check_text(&register.username, "username")?;
                check_port(&register.address)?;
                match (self.status, &self.known) {
                    (RouterStatus::Retired, _) => Err(RouterError::Retired),
                    (RouterStatus::Managed, Some(known)) if known.address == register.address => {
                        Ok(Vec::new())
                    }
                    (RouterStatus::Managed, _) => Err(RouterError::AlreadyRegistered),
                    (RouterStatus::Absent, _) => {
                        Ok(vec![RouterEvent::Registered(Box::new(RouterRegistered {
                            router: register.router,
                            name: register.name,
                            address: register.address,
                            username: register.username,
                            password: register.password,
                            legacy_login: register.legacy_login,
                            at: register.at,
                        }))])
                    }
                }
            }
            RouterCommand::ChangeAddress {
                address,
                username,
                password,
                at,
            } => {
                let known = self.managed()?;
                check_text(&username, "username")?;
                check_port(&address)?;
                if known.address == address && known.username == username && known.password == password {
                    return Ok(Vec::new());
                }
                let router = known.router;
                let changed = RouterAddressChanged {
                    router,
                    address,
                    username,
                    password,
                    at,
                };
                Ok(vec![RouterEvent::AddressChanged(Box::new(changed))])
            }
            RouterCommand::RecordIdentity {
                serial,
                identity,
                version,
                at,
            } => {
                let known = self.managed()?;
                let said = Identity {
                    serial,
                    name: identity,
                    version,
                };
                if known.identity.as_ref() == Some(&said) {
                    return Ok(Vec::new());
                }
                let pinned = known
                    .identity
                    .as_ref()
                    .and_then(|identity| identity.serial.as_ref());
                if pinned.is_some() && pinned != said.serial.as_ref() {
                    return Err(RouterError::OtherRouter);
                }
                let serial_changed = known.serial.is_some() && known.serial != said.serial;
                let Identity {
                    serial,
                    name: identity,
                    version,
                } = said;
                let router = known.router;
                let identified = RouterIdentified {
                    router,
                    serial,
                    identity,
                    version,
                    serial_changed,
                    at,
                };
                Ok(vec![RouterEvent::Identified(identified)])
            }
            RouterCommand::Retire { lines, at } => match (self.status, &self.known) {
                (RouterStatus::Managed, Some(_)) if lines > 0 => Err(RouterError::InUse { lines }),
                (RouterStatus::Managed, Some(known)) => Ok(vec![RouterEvent::Retired(RouterRetired {
                    router: known.router,
                    at,
                })]),
                (RouterStatus::Retired, _) => Ok(Vec::new()),
                (RouterStatus::Absent | RouterStatus::Managed, _) => Err(RouterError::NotFound),
            },
        }
    }

    fn evolve(&mut self, event: &RouterEvent) {
        match event {
            RouterEvent::Registered(registered) => {
                self.status = RouterStatus::Managed;
                self.known = Some(Known {
                    router: registered.router,
                    address: registered.address.clone(),
                    username: registered.username.clone(),
                    password: registered.password.clone(),
                    identity: None,
                    serial: None,
                });
            }
            RouterEvent::AddressChanged(changed) => {
                if let Some(known) = &mut self.known {
                    known.identity = None;
                    known.address = changed.address.clone();
                    known.username.clone_from(&changed.username);
                    known.password = changed.password.clone();
                }
            }
            RouterEvent::Identified(said) => {
                if let Some(known) = &mut self.known {
                    known.serial.clone_from(&said.serial);
                    known.identity = Some(Identity {
                        serial: said.serial.clone(),
                        name: said.identity.clone(),
                        version: said.version.clone(),
                    });
                }
            }
            RouterEvent::Retired(_) => self.status = RouterStatus::Retired,
        }
    }
}
