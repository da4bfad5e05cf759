//! What a router can do and who it is, read once, so that no call site looks at versions.

use std::fmt;
use std::str::FromStr;

use super::{Client, Error};
use crate::values::ValueError;

/// A `RouterOS` version: `7.18.2 (stable)`, `6.49.10 (long-term)`, `7.1beta4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 6 or 7.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number; zero when absent.
    pub patch: u16,
}

impl FromStr for Version {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ValueError {
            kind: "version",
            text: text.to_owned(),
        };
        let numbers = text.split_whitespace().next().ok_or_else(error)?;
        let mut parts = numbers.split('.').map(leading_number);
        let major = parts.next().flatten().ok_or_else(error)?;
        let minor = parts.next().flatten().ok_or_else(error)?;
        let patch = parts.next().flatten().unwrap_or(0);
        Ok(Self { major, minor, patch })
    }
}

fn leading_number(part: &str) -> Option<u16> {
    let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
    part[..end].parse().ok()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What this router can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Capabilities {
    /// Its version.
    pub version: Version,
    /// Its model.
    pub board: String,
    /// Says `!empty` when a print has no rows (7.18).
    pub says_empty: bool,
    /// Has the REST interface (7.1).
    pub rest: bool,
    /// Prints dates as `2026-01-31` (7.10).
    pub iso_dates: bool,
    /// Knows `require-message-auth` in `/radius` (7).
    pub message_authenticator: bool,
    /// Netwatch can probe TCP and HTTP (7.4).
    pub netwatch_types: bool,
    /// Takes the password itself at login (6.43).
    pub plain_login: bool,
}

impl Capabilities {
    /// From a version and a model.
    pub fn of(version: Version, board: String) -> Self {
        let since = |major, minor| {
            version
                >= Version {
                    major,
                    minor,
                    patch: 0,
                }
        };
        Self {
            version,
            board,
            says_empty: since(7, 18),
            rest: since(7, 1),
            iso_dates: since(7, 10),
            message_authenticator: since(7, 0),
            netwatch_types: since(7, 4),
            plain_login: since(6, 43),
        }
    }

    pub(super) async fn ask(client: &Client) -> Result<Self, Error> {
        let rows = client
            .print("/system/resource", &["version", "board-name"], &[])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::Protocol("the router has no /system/resource".into()))?;
        let version = row
            .text("version")
            .parse()
            .map_err(|error: ValueError| Error::Protocol(error.to_string()))?;
        Ok(Self::of(version, row.text("board-name")))
    }
}

/// Which router this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterIdentity {
    /// The name that the operator gave it.
    pub name: String,
    /// The serial number of its board; `None` for a virtual router.
    pub serial_number: Option<String>,
    /// The id of its licence, asked for only where there is no serial number: `system-id` of a CHR, else `software-id`.
    pub license_id: Option<String>,
}

impl RouterIdentity {
    pub(super) async fn ask(client: &Client) -> Result<Self, Error> {
        let identity = client.print("/system/identity", &["name"], &[]).await?;
        let serial_number = said(client, "/system/routerboard", &["serial-number"]).await?;
        let license_id = match serial_number {
            Some(_) => None,
            None => said(client, "/system/license", &["system-id", "software-id"]).await?,
        };
        Ok(Self {
            name: identity.first().map(|row| row.text("name")).unwrap_or_default(),
            serial_number,
            license_id,
        })
    }

    /// What tells this device from every other: its serial number, else `license:` and the id of its licence.
    pub fn device(&self) -> Option<String> {
        let license = || self.license_id.as_ref().map(|id| format!("license:{id}"));
        self.serial_number.clone().or_else(license)
    }
}

/// The first of these properties that a menu of one row says; nothing where there is no such menu.
async fn said(client: &Client, menu: &str, properties: &[&str]) -> Result<Option<String>, Error> {
    let rows = match client.print(menu, properties, &[]).await {
        Ok(rows) => rows,
        Err(Error::Unsupported(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(row) = rows.first() else { return Ok(None) };
    let mut texts = properties.iter().map(|property| row.text(property));
    Ok(texts.find(|text| !text.is_empty()))
}
