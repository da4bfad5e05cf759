//! Making one row be what it should be, however often it is tried and wherever an earlier try broke off.
//!
//! A write whose answer was lost may have happened. So: look, change only what differs, look again. The router's
//! refusals (exists already, does not exist) mean that someone was faster, and lead back to looking, at most twice.

use super::{Client, Command, Error, Query, Row};
use crate::values::same;

const ATTEMPTS: u32 = 2;

/// A row as it should be. `Debug` shows its key only.
#[derive(Clone)]
pub struct Desired {
    menu: String,
    key: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    write_only: Vec<(String, String)>,
    cleared: Vec<String>,
    rewrite: bool,
    marker: Option<String>,
}

impl std::fmt::Debug for Desired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desired")
            .field("menu", &self.menu)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Desired {
    /// A row of `menu`, found by the property `name`: the name where names are unique, else our comment.
    pub fn new(menu: &str, name: &str, value: &str) -> Self {
        Self {
            menu: menu.to_owned(),
            key: vec![(name.to_owned(), value.to_owned())],
            fields: Vec::new(),
            write_only: Vec::new(),
            cleared: Vec::new(),
            rewrite: false,
            marker: None,
        }
    }

    /// A further part of the key, such as the list of an address-list entry.
    #[must_use]
    pub fn and_key(mut self, name: &str, value: &str) -> Self {
        self.key.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A property that is compared and corrected.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A property that must not be set, such as `remote-address` on a secret whose profile has a pool.
    #[must_use]
    pub fn cleared(mut self, name: &str) -> Self {
        self.cleared.push(name.to_owned());
        self
    }

    /// A property that cannot be read back, such as a password: written with an `add`, and with every try when
    /// [`Self::rewriting`] is set. Never compared, because routers mask it for users without `sensitive`.
    #[must_use]
    pub fn write_only(mut self, name: &str, value: &str) -> Self {
        self.write_only.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Write the write-only properties even if the row exists: their value changed.
    #[must_use]
    pub fn rewriting(mut self) -> Self {
        self.rewrite = true;
        self
    }

    /// Touch the row only if its comment begins with `marker`, ended there or followed by a space or a colon; what
    /// an operator wrote behind it stays. A new row gets the marker as its comment, unless the comment is a field.
    /// Without a marker, a row with our key counts as ours.
    #[must_use]
    pub fn owned_by(mut self, marker: &str) -> Self {
        self.marker = Some(marker.to_owned());
        self
    }

    fn proplist(&self) -> Vec<&str> {
        let pairs = self.key.iter().chain(&self.fields).map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = pairs.chain(self.cleared.iter().map(String::as_str)).collect();
        names.extend([".id", "comment", "dynamic"]);
        names.sort_unstable();
        names.dedup();
        names
    }

    fn queries(&self) -> Vec<Query> {
        self.key
            .iter()
            .map(|(name, value)| Query::equal(name, value))
            .collect()
    }

    fn differing<'a>(&'a self, row: &Row) -> Vec<&'a (String, String)> {
        self.fields
            .iter()
            .filter(|(name, value)| !same(name, value, &row.text(name)))
            .collect()
    }

    fn to_clear<'a>(&'a self, row: &Row) -> Vec<&'a String> {
        self.cleared
            .iter()
            .filter(|name| !row.text(name).is_empty())
            .collect()
    }

    fn is_ours(&self, row: &Row) -> bool {
        let Some(marker) = &self.marker else { return true };
        let comment = row.text("comment");
        comment
            .strip_prefix(marker.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
    }
}

/// What was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// The id of the row, for this session.
    pub id: String,
    /// The row did not exist.
    pub added: bool,
    /// Names of the properties that were changed.
    pub changed: Vec<String>,
    /// Rows with the same key that were removed; worth an alarm.
    pub duplicates_removed: u32,
}

/// Makes the row be as desired and proves it by reading back.
///
/// Safe to repeat after any error, also over another connection: the end is one row.
pub async fn ensure(client: &Client, desired: &Desired) -> Result<Ensured, Error> {
    let mut attempt = 1;
    loop {
        match ensure_once(client, desired).await {
            Err(Error::AlreadyExists(_) | Error::NotFound(_)) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn ensure_once(client: &Client, desired: &Desired) -> Result<Ensured, Error> {
    let mut ensured = Ensured {
        id: String::new(),
        added: false,
        changed: Vec::new(),
        duplicates_removed: 0,
    };
    let rows = look(client, desired).await?;
    match rows.split_first() {
        None => {
            ensured.id = add(client, desired).await?;
            ensured.added = true;
        }
        Some((row, duplicates)) => {
            ensured.id = row_id(row)?;
            ensured.changed = correct(client, desired, row).await?;
            for duplicate in duplicates {
                client
                    .remove_if_present(&desired.menu, &row_id(duplicate)?)
                    .await?;
                ensured.duplicates_removed += 1;
            }
        }
    }
    if ensured.added || !ensured.changed.is_empty() || ensured.duplicates_removed > 0 {
        verify(client, desired, &ensured.id).await?;
    }
    Ok(ensured)
}

/// The rows with our key, oldest first, without dynamic ones.
async fn look(client: &Client, desired: &Desired) -> Result<Vec<Row>, Error> {
    let mut rows = client
        .print(&desired.menu, &desired.proplist(), &desired.queries())
        .await?;
    rows.retain(|row| row.flag("dynamic") != Some(true));
    if let Some(foreign) = rows.iter().find(|row| !desired.is_ours(row)) {
        return Err(Error::NotOurs { id: row_id(foreign)? });
    }
    rows.sort_by_key(|row| {
        row.id()
            .and_then(|id| u64::from_str_radix(id.trim_start_matches('*'), 16).ok())
    });
    Ok(rows)
}

async fn add(client: &Client, desired: &Desired) -> Result<String, Error> {
    let all = desired
        .key
        .iter()
        .chain(&desired.fields)
        .chain(&desired.write_only);
    let fields: Vec<(&str, &str)> = all.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.add(&desired.menu, &fields).await
}

async fn correct(client: &Client, desired: &Desired, row: &Row) -> Result<Vec<String>, Error> {
    let id = row_id(row)?;
    let mut fields = desired.differing(row);
    if desired.rewrite {
        fields.extend(&desired.write_only);
    }
    let mut changed: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    if !fields.is_empty() {
        let command = Command::new(&format!("{}/set", desired.menu)).with(".id", &id);
        let command = fields
            .iter()
            .fold(command, |command, (name, value)| command.with(name, value));
        client.command(command).await?;
    }
    for name in desired.to_clear(row) {
        client.unset(&desired.menu, &id, name).await?;
        changed.push(name.clone());
    }
    Ok(changed)
}

async fn verify(client: &Client, desired: &Desired, id: &str) -> Result<(), Error> {
    let rows = look(client, desired).await?;
    let Some(row) = rows.iter().find(|row| row.id().as_deref() == Some(id)) else {
        return Err(Error::NotKept {
            properties: vec![".id".to_owned()],
        });
    };
    let differing = desired.differing(row).into_iter().map(|(name, _)| name.clone());
    let properties: Vec<String> = differing
        .chain(desired.to_clear(row).into_iter().cloned())
        .collect();
    if properties.is_empty() {
        Ok(())
    } else {
        Err(Error::NotKept { properties })
    }
}

fn row_id(row: &Row) -> Result<String, Error> {
    row.id()
        .ok_or_else(|| Error::Protocol("a row came without its id".into()))
}
