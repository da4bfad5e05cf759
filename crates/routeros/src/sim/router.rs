//! The router's tables and the commands that change them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::RouterConfig;
use super::journal::{Journal, JournalEntry};
use super::lines::Lines;
use super::schema::{self, IDENTITY, Menu, PPP_PROFILE, Shape};
use super::table::{PlainRow, Properties, Row, Table};
use super::values::Names;

/// A refusal: what goes into `!trap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) category: Option<u8>,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            category: None,
            message: message.into(),
        }
    }

    pub(super) fn category(category: u8, message: impl Into<String>) -> Self {
        Self {
            category: Some(category),
            message: message.into(),
        }
    }
}

/// Everything in the router, as plain text, by menu.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Rows by menu path, in the router's order.
    pub menus: BTreeMap<String, Vec<PlainRow>>,
}

/// The state of one router. Time is given by the caller, as the time since the start.
#[derive(Debug)]
pub struct Router {
    pub(super) config: RouterConfig,
    pub(super) tables: BTreeMap<&'static str, Table>,
    pub(super) lines: Lines,
    pub(super) journal: Journal,
    pub(super) booted_at: Duration,
    pub(super) api_sessions: BTreeMap<u64, String>,
    /// When entries of the address list end, by id.
    pub(super) expiries: BTreeMap<u64, Duration>,
    pub(super) now: Duration,
}

impl Names for BTreeMap<&'static str, Table> {
    fn has(&self, menu: &str, name: &str) -> bool {
        self.get(menu).is_some_and(|table| table.named(name).is_some())
    }
}

impl Router {
    /// A router as it comes from the factory.
    pub fn new(config: RouterConfig) -> Self {
        let mut router = Self {
            lines: Lines::new(config.redial_after, config.dial_automatically),
            config,
            tables: schema::menus()
                .iter()
                .map(|menu| (menu.path, Table::new()))
                .collect(),
            journal: Journal::default(),
            booted_at: Duration::ZERO,
            api_sessions: BTreeMap::new(),
            expiries: BTreeMap::new(),
            now: Duration::ZERO,
        };
        for menu in schema::menus().iter().filter(|menu| menu.shape == Shape::Single) {
            router.table_mut(menu.path).insert(defaults(menu), None);
        }
        let identity = router.config.identity.clone();
        let table = router.table_mut(IDENTITY);
        for id in table.ids(|_| true) {
            table.update(id, |row| row.set("name", identity.as_str()));
        }
        for (menu, name) in [
            (PPP_PROFILE, "default"),
            (PPP_PROFILE, "default-encryption"),
            ("/ip/hotspot/user/profile", "default"),
        ] {
            if let Some(menu) = schema::menu(menu) {
                let mut row = defaults(menu);
                row.insert("name".into(), name.into());
                row.insert("default".into(), b"true".to_vec());
                router.table_mut(menu.path).insert(row, None);
            }
        }
        router
    }

    /// Lets time pass: customers' devices dial, entries with a time-out end.
    pub fn advance(&mut self, now: Duration) {
        self.lines.advance(now, &mut self.tables);
        self.now = now;
        let expired = |at: &Duration| *at <= now;
        if self.expiries.values().any(expired) {
            let ended: Vec<u64> = self
                .expiries
                .iter()
                .filter(|(_, at)| expired(at))
                .map(|(id, _)| *id)
                .collect();
            for id in ended {
                self.expiries.remove(&id);
                self.table_mut(schema::ADDRESS_LIST).remove(id);
            }
        }
    }

    /// Puts a customer's device on the line `name`; it dials at once and again whenever it is kicked.
    pub fn plug_in(&mut self, now: Duration, name: &str) {
        self.lines.plug_in(now, name);
        self.advance(now);
    }

    /// Takes the device away; its session ends.
    pub fn unplug(&mut self, name: &str) {
        self.lines.unplug(name, &mut self.tables);
    }

    /// Restarts: sessions and rows with a time-out are lost, the uptime begins again.
    pub fn reboot(&mut self, now: Duration) {
        self.booted_at = now;
        self.lines.drop_all(now, &mut self.tables);
        let list = self.table_mut(schema::ADDRESS_LIST);
        for id in list.ids(|row| !row.text("timeout").is_empty()) {
            list.remove(id);
        }
    }

    /// The writes that were received, oldest first; the last 100 000.
    pub fn journal(&self) -> impl Iterator<Item = &JournalEntry> {
        self.journal.entries()
    }

    /// Changes the password of a user; sessions that are open go on, as on real routers.
    pub fn set_password(&mut self, user: &str, password: &str) {
        for found in self.config.users.iter_mut().filter(|found| found.name == user) {
            password.clone_into(&mut found.password);
        }
    }

    /// All menus with a row, as plain text.
    pub fn snapshot(&mut self, now: Duration) -> Snapshot {
        self.advance(now);
        let menus = schema::menus()
            .iter()
            .map(|menu| (menu.path.to_owned(), self.plain_rows(now, menu.path)));
        Snapshot {
            menus: menus.filter(|(_, rows)| !rows.is_empty()).collect(),
        }
    }

    /// The rows of one menu, as plain text.
    pub fn plain_rows(&mut self, now: Duration, menu: &str) -> Vec<PlainRow> {
        self.advance(now);
        let rows = self.visible_rows(now, menu, None);
        let plain = |row: Properties| {
            row.into_iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
                .collect()
        };
        rows.into_iter().map(plain).collect()
    }

    pub(super) fn table(&self, menu: &str) -> &[Row] {
        self.tables.get(menu).map_or(&[], Table::rows)
    }

    pub(super) fn table_mut(&mut self, menu: &'static str) -> &mut Table {
        self.tables.entry(menu).or_insert_with(Table::new)
    }
}

pub(super) fn defaults(menu: &Menu) -> Properties {
    menu.fields
        .iter()
        .map(|field| (field.name.to_owned(), field.default.into()))
        .collect()
}
