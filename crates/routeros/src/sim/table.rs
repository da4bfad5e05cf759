//! Rows, and the ids that a router gives them.

use std::collections::{BTreeMap, HashMap};

/// A row with lossy text values, for assertions.
pub type PlainRow = BTreeMap<String, String>;

/// Properties by name; values are bytes.
pub(super) type Properties = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) properties: Properties,
}

impl Row {
    pub(super) fn text(&self, name: &str) -> String {
        self.properties
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .unwrap_or_default()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        matches!(
            self.properties.get(name).map(Vec::as_slice),
            Some(b"true" | b"yes")
        )
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.properties.insert(name.to_owned(), value.into());
    }
}

/// An ordered list of rows. Ids rise and are never given twice while the router runs.
///
/// INVARIANT: `names` holds the id of every row under the value of its `name`.
#[derive(Debug, Clone)]
pub(super) struct Table {
    rows: Vec<Row>,
    names: HashMap<Vec<u8>, Vec<u64>>,
    next_id: u64,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::new(),
            names: HashMap::new(),
            next_id: 1,
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn row(&self, id: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The oldest row with this name.
    pub(super) fn named(&self, name: &str) -> Option<&Row> {
        self.all_named(name.as_bytes()).next()
    }

    pub(super) fn all_named(&self, name: &[u8]) -> impl Iterator<Item = &Row> {
        self.names
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|id| self.row(*id))
    }

    pub(super) fn insert(&mut self, properties: Properties, before: Option<u64>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let at = before
            .and_then(|before| self.position(before))
            .unwrap_or(self.rows.len());
        if let Some(name) = properties.get("name") {
            self.names.entry(name.clone()).or_default().push(id);
        }
        self.rows.insert(at, Row { id, properties });
        id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Row> {
        let row = self.position(id).map(|at| self.rows.remove(at))?;
        self.forget(id, row.properties.get("name"));
        Some(row)
    }

    pub(super) fn update(&mut self, id: u64, change: impl FnOnce(&mut Row)) {
        let Some(row) = self.rows.iter_mut().find(|row| row.id == id) else {
            return;
        };
        let old = row.properties.get("name").cloned();
        change(row);
        let new = row.properties.get("name").cloned();
        if old != new {
            self.forget(id, old.as_ref());
            if let Some(name) = new {
                self.names.entry(name).or_default().push(id);
            }
        }
    }

    pub(super) fn move_before(&mut self, id: u64, before: Option<u64>) {
        let Some(row) = self.position(id).map(|at| self.rows.remove(at)) else {
            return;
        };
        let at = before
            .and_then(|before| self.position(before))
            .unwrap_or(self.rows.len());
        self.rows.insert(at, row);
    }

    pub(super) fn ids(&self, wanted: impl Fn(&Row) -> bool) -> Vec<u64> {
        self.rows
            .iter()
            .filter(|row| wanted(row))
            .map(|row| row.id)
            .collect()
    }

    fn forget(&mut self, id: u64, name: Option<&Vec<u8>>) {
        let Some(name) = name else { return };
        if let Some(ids) = self.names.get_mut(name) {
            ids.retain(|found| *found != id);
            if ids.is_empty() {
                self.names.remove(name);
            }
        }
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }
}

/// `*1F` to 31.
pub(super) fn parse_id(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix('*')?, 16).ok()
}

/// 31 to `*1F`.
pub(super) fn format_id(id: u64) -> String {
    format!("*{id:X}")
}
