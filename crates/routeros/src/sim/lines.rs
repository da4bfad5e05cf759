//! What the customers' devices do: they dial, get an address from the profile of that moment, and dial again when
//! they are kicked.
//!
//! INVARIANT: a running session keeps the profile and address that it got when it dialled, whatever becomes of its
//! secret. Only a new session sees a new profile. This is what a provisioning run has to prove it copes with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::schema::{ADDRESS_LIST, POOL, PPP_ACTIVE, PPP_PROFILE, PPP_SECRET};
use super::table::{Properties, Row, Table};
use super::values::Ranges;

type Tables = BTreeMap<&'static str, Table>;

#[derive(Debug)]
struct Line {
    dials_at: Option<Duration>,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    active_id: u64,
    since: Duration,
    list_entry: Option<u64>,
}

/// All lines by the name of their secret.
#[derive(Debug)]
pub(super) struct Lines {
    by_name: BTreeMap<String, Line>,
    redial_after: Duration,
    automatic: bool,
    next_session: u32,
}

impl Lines {
    pub(super) const fn new(redial_after: Duration, automatic: bool) -> Self {
        Self {
            by_name: BTreeMap::new(),
            redial_after,
            automatic,
            next_session: 0x8100_0001,
        }
    }

    pub(super) fn plug_in(&mut self, now: Duration, name: &str) {
        let line = self.by_name.entry(name.to_owned()).or_insert(Line {
            dials_at: None,
            session: None,
        });
        if line.session.is_none() {
            line.dials_at = Some(now);
        }
    }

    pub(super) fn secret_added(&mut self, now: Duration, name: &str) {
        if self.automatic {
            let dials_at = Some(now + self.redial_after);
            self.by_name.entry(name.to_owned()).or_insert(Line {
                dials_at,
                session: None,
            });
        }
    }

    pub(super) fn unplug(&mut self, name: &str, tables: &mut Tables) {
        if let Some(session) = self.by_name.remove(name).and_then(|line| line.session) {
            end(&session, tables);
        }
    }

    pub(super) fn drop_all(&mut self, now: Duration, tables: &mut Tables) {
        for line in self.by_name.values_mut() {
            if let Some(session) = line.session.take() {
                end(&session, tables);
                line.dials_at = Some(now + self.redial_after);
            }
        }
    }

    pub(super) fn kick(&mut self, now: Duration, active_id: u64, tables: &mut Tables) {
        let redial_after = self.redial_after;
        for line in self.by_name.values_mut() {
            if let Some(session) = line.session.take_if(|session| session.active_id == active_id) {
                end(&session, tables);
                line.dials_at = Some(now + redial_after);
            }
        }
    }

    pub(super) fn uptime(&self, name: &str, now: Duration) -> Duration {
        let session = self.by_name.get(name).and_then(|line| line.session.as_ref());
        session.map_or(Duration::ZERO, |session| now.saturating_sub(session.since))
    }

    /// Dials whatever is due. A device that is refused tries again after the same wait.
    pub(super) fn advance(&mut self, now: Duration, tables: &mut Tables) {
        let mut taken: Option<BTreeSet<Ipv4Addr>> = None;
        for (name, line) in &mut self.by_name {
            let Some(dials_at) = line.dials_at.filter(|dials_at| *dials_at <= now) else {
                continue;
            };
            let taken = taken.get_or_insert_with(|| addresses_in_use(tables));
            match dial(name, dials_at, self.next_session, tables, taken) {
                Some(session) => {
                    self.next_session += 1;
                    *line = Line {
                        dials_at: None,
                        session: Some(session),
                    };
                }
                None => line.dials_at = Some(now + self.redial_after.max(Duration::from_millis(1))),
            }
        }
    }
}

fn end(session: &Session, tables: &mut Tables) {
    if let Some(active) = tables.get_mut(PPP_ACTIVE) {
        active.remove(session.active_id);
    }
    if let (Some(entry), Some(list)) = (session.list_entry, tables.get_mut(ADDRESS_LIST)) {
        list.remove(entry);
    }
}

fn addresses_in_use(tables: &Tables) -> BTreeSet<Ipv4Addr> {
    let rows = tables.get(PPP_ACTIVE).map_or(&[][..], Table::rows);
    rows.iter()
        .filter_map(|row| row.text("address").parse().ok())
        .collect()
}

fn dial(
    name: &str,
    at: Duration,
    number: u32,
    tables: &mut Tables,
    taken: &mut BTreeSet<Ipv4Addr>,
) -> Option<Session> {
    let secret = tables
        .get(PPP_SECRET)?
        .named(name)
        .filter(|secret| !secret.is_true("disabled"))?
        .clone();
    let profile = tables.get(PPP_PROFILE)?.named(&secret.text("profile"))?.clone();
    let own = Some(secret.text("remote-address")).filter(|own| !own.is_empty());
    let wanted = own.unwrap_or_else(|| profile.text("remote-address"));
    let address = if wanted.is_empty() {
        None
    } else {
        Some(pick(&wanted, tables, taken)?)
    };
    let active_id = tables
        .get_mut(PPP_ACTIVE)?
        .insert(active_row(&secret, number, address), None);
    let list = profile.text("address-list");
    let list_entry = match address {
        Some(address) if !list.is_empty() => Some(
            tables
                .get_mut(ADDRESS_LIST)?
                .insert(dynamic_entry(&list, address), None),
        ),
        _ => None,
    };
    Some(Session {
        active_id,
        since: at,
        list_entry,
    })
}

/// The address itself, or the first free one of the pool with that name. `None` refuses the call.
fn pick(wanted: &str, tables: &Tables, taken: &mut BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
    let address = if let Ok(address) = wanted.parse() {
        address
    } else {
        let ranges = Ranges::parse(&tables.get(POOL)?.named(wanted)?.text("ranges"))?;
        ranges.addresses().find(|address| !taken.contains(address))?
    };
    taken.insert(address);
    Some(address)
}

fn active_row(secret: &Row, number: u32, address: Option<Ipv4Addr>) -> Properties {
    let name = secret.text("name");
    let caller = Some(secret.text("caller-id")).filter(|caller| !caller.is_empty());
    let [_, a, b, c] = number.to_be_bytes();
    let caller = caller.unwrap_or_else(|| format!("02:00:5E:{a:02X}:{b:02X}:{c:02X}"));
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    [
        ("name", name),
        ("service", "pppoe".to_owned()),
        ("caller-id", caller),
        ("address", address),
        ("encoding", String::new()),
        ("session-id", format!("0x{number:x}")),
        ("limit-bytes-in", "0".to_owned()),
        ("limit-bytes-out", "0".to_owned()),
        ("radius", "false".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value.into_bytes()))
    .into()
}

fn dynamic_entry(list: &str, address: Ipv4Addr) -> Properties {
    [
        ("list", list.to_owned()),
        ("address", address.to_string()),
        ("dynamic", "true".to_owned()),
        ("disabled", "false".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value.into_bytes()))
    .into()
}
