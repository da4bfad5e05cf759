//! The commands that change the router's tables, and its refusals.

use std::time::Duration;

use super::router::{Refusal, Router, defaults};
use super::schema::{self, Menu, PPP_ACTIVE, PPP_SECRET, Shape};
use super::table::{Properties, Row, format_id, parse_id};
use super::values::accept;
use crate::codec::Sentence;
use crate::values::parse_duration;

impl Router {
    /// Runs a write. The answer is what `!done` carries.
    pub(super) fn write(&mut self, now: Duration, command: &Sentence) -> Result<Option<String>, Refusal> {
        self.advance(now);
        let path = String::from_utf8_lossy(command.first()).into_owned();
        let (menu, verb) = path.rsplit_once('/').unwrap_or(("", ""));
        let menu = schema::menu(menu).ok_or_else(|| Refusal::category(0, "no such command prefix"))?;
        let done = match (menu.shape, verb) {
            (Shape::Table, "add") => self.add(now, menu, command).map(Some),
            (Shape::Table | Shape::Single, "set") => self.set(menu, command).map(|()| None),
            (Shape::Table | Shape::Live { removable: true }, "remove") => {
                self.remove(now, menu, command).map(|()| None)
            }
            (Shape::Table, "enable") => self.toggle(menu, command, "false").map(|()| None),
            (Shape::Table, "disable") => self.toggle(menu, command, "true").map(|()| None),
            (Shape::Table, "unset") => self.unset(menu, command).map(|()| None),
            (Shape::Table, "comment") => self.set(menu, command).map(|()| None),
            (Shape::Table, "move") => self.reorder(menu, command).map(|()| None),
            _ => Err(Refusal::category(0, "no such command")),
        };
        self.advance(now);
        done
    }

    fn add(&mut self, now: Duration, menu: &'static Menu, command: &Sentence) -> Result<String, Refusal> {
        let mut row = defaults(menu);
        let mut before = None;
        for (name, value) in attributes(command) {
            match name.as_str() {
                "place-before" => before = Some(self.one_id(menu, &value)?),
                _ => self.assign(menu, &mut row, &name, &value)?,
            }
        }
        check_required(menu, &row)?;
        self.check_unique(menu, &row, None)?;
        let name = row
            .get("name")
            .map(|name| String::from_utf8_lossy(name).into_owned());
        let id = self.table_mut(menu.path).insert(row, before);
        self.note_timeout(menu, id);
        if let (PPP_SECRET, Some(name)) = (menu.path, name) {
            self.lines.secret_added(now, &name);
        }
        Ok(format_id(id))
    }

    fn set(&mut self, menu: &'static Menu, command: &Sentence) -> Result<(), Refusal> {
        let ids = match menu.shape {
            Shape::Single => self.table(menu.path).iter().map(|row| row.id).collect(),
            _ => self.ids(menu, command)?,
        };
        for id in ids {
            self.set_row(menu, id, command)?;
        }
        Ok(())
    }

    fn set_row(&mut self, menu: &'static Menu, id: u64, command: &Sentence) -> Result<(), Refusal> {
        let row = self.changeable(menu, id)?;
        let (mut properties, old_name) = (row.properties.clone(), row.text("name"));
        for (name, value) in attributes(command).filter(|(name, _)| name != ".id" && name != "numbers") {
            self.assign(menu, &mut properties, &name, &value)?;
        }
        check_required(menu, &properties)?;
        self.check_unique(menu, &properties, Some(id))?;
        let new_name = properties
            .get("name")
            .map(|name| String::from_utf8_lossy(name).into_owned());
        self.table_mut(menu.path)
            .update(id, |row| row.properties = properties);
        self.note_timeout(menu, id);
        if let Some(new_name) = new_name.filter(|name| *name != old_name) {
            self.follow_rename(menu.path, &old_name, &new_name);
        }
        Ok(())
    }

    /// An entry of the address list with a time-out is dynamic and ends by itself.
    fn note_timeout(&mut self, menu: &Menu, id: u64) {
        if menu.path != schema::ADDRESS_LIST {
            return;
        }
        let now = self.now;
        let table = self.table_mut(schema::ADDRESS_LIST);
        let timeout = table
            .row(id)
            .and_then(|row| parse_duration(&row.text("timeout")).ok());
        table.update(id, |row| row.set("dynamic", timeout.is_some().to_string()));
        match timeout {
            Some(timeout) => self.expiries.insert(id, now + timeout),
            None => self.expiries.remove(&id),
        };
    }

    /// References are kept by id in a real router, so they follow a new name.
    fn follow_rename(&mut self, menu: &str, old: &str, new: &str) {
        for other in schema::menus() {
            let refers = |field: &&schema::Field| match field.kind {
                schema::Kind::Reference(target) => target == menu,
                schema::Kind::AddressOrPool => menu == schema::POOL,
                _ => false,
            };
            for field in other.fields.iter().filter(refers) {
                let table = self.table_mut(other.path);
                for id in table.ids(|row| row.text(field.name) == old) {
                    table.update(id, |row| row.set(field.name, new));
                }
            }
        }
    }

    fn remove(&mut self, now: Duration, menu: &'static Menu, command: &Sentence) -> Result<(), Refusal> {
        let ids = self.ids(menu, command)?;
        for id in &ids {
            if self.changeable(menu, *id)?.is_true("default") {
                return Err(Refusal::new("failure: default profile can not be removed"));
            }
        }
        for id in ids {
            if menu.path == PPP_ACTIVE {
                self.lines.kick(now, id, &mut self.tables);
                continue;
            }
            if let Some(row) = self.table_mut(menu.path).remove(id) {
                // A dangling reference prints as the id of what it meant.
                self.follow_rename(menu.path, &row.text("name"), &format_id(id));
            }
        }
        Ok(())
    }

    fn toggle(&mut self, menu: &'static Menu, command: &Sentence, disabled: &str) -> Result<(), Refusal> {
        if menu.field("disabled").is_none() {
            return Err(Refusal::category(0, "no such command"));
        }
        for id in self.ids(menu, command)? {
            self.changeable(menu, id)?;
            self.table_mut(menu.path)
                .update(id, |row| row.set("disabled", disabled));
        }
        Ok(())
    }

    fn unset(&mut self, menu: &'static Menu, command: &Sentence) -> Result<(), Refusal> {
        let name = command.value("value-name").ok_or_else(|| missing("value-name"))?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let field = menu
            .field(&name)
            .filter(|field| !menu.required.contains(&field.name))
            .ok_or_else(|| Refusal::category(1, "input does not match any value of value-name"))?;
        for id in self.ids(menu, command)? {
            self.changeable(menu, id)?;
            self.table_mut(menu.path)
                .update(id, |row| row.set(&name, field.default));
        }
        Ok(())
    }

    fn reorder(&mut self, menu: &'static Menu, command: &Sentence) -> Result<(), Refusal> {
        let before = match command.value("destination") {
            Some(value) => Some(self.one_id(menu, &value)?),
            None => None,
        };
        for id in self.ids(menu, command)? {
            self.table_mut(menu.path).move_before(id, before);
        }
        Ok(())
    }

    fn assign(&self, menu: &Menu, row: &mut Properties, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let field = menu
            .field(name)
            .ok_or_else(|| Refusal::new(format!("unknown parameter {name}")))?;
        let value = accept(field, value, &self.tables).map_err(|message| Refusal::category(1, message))?;
        row.insert(name.to_owned(), value);
        Ok(())
    }

    fn check_unique(&self, menu: &Menu, row: &Properties, own: Option<u64>) -> Result<(), Refusal> {
        let same_key = |other: &&Row| {
            let equal = |name: &&str| other.properties.get(*name) == row.get(*name);
            Some(other.id) != own && !other.is_true("dynamic") && menu.unique.iter().all(equal)
        };
        let table = self.tables.get(menu.path).filter(|_| !menu.unique.is_empty());
        let taken = match (table, row.get("name")) {
            (None, _) => false,
            (Some(table), Some(name)) if menu.unique.contains(&"name") => {
                table.all_named(name).any(|row| same_key(&row))
            }
            (Some(table), _) => table.rows().iter().any(|row| same_key(&row)),
        };
        if taken {
            Err(Refusal::new(menu.conflict))
        } else {
            Ok(())
        }
    }

    fn changeable(&self, menu: &Menu, id: u64) -> Result<&Row, Refusal> {
        let table = self.tables.get(menu.path);
        let row = table
            .and_then(|table| table.row(id))
            .ok_or_else(|| self.no_such_item())?;
        if row.is_true("dynamic") && menu.shape == Shape::Table && row.text("timeout").is_empty() {
            return Err(Refusal::new("failure: can not change dynamic item"));
        }
        Ok(row)
    }

    fn no_such_item(&self) -> Refusal {
        Refusal::category(0, self.config.personality.no_such_item())
    }

    fn ids(&self, menu: &Menu, command: &Sentence) -> Result<Vec<u64>, Refusal> {
        let value = command
            .value(".id")
            .or_else(|| command.value("numbers"))
            .ok_or_else(|| missing("numbers"))?;
        let text = String::from_utf8_lossy(&value).into_owned();
        text.split(',')
            .map(|item| self.one_id(menu, item.as_bytes()))
            .collect()
    }

    /// An id, or the name of a row.
    fn one_id(&self, menu: &Menu, item: &[u8]) -> Result<u64, Refusal> {
        let text = String::from_utf8_lossy(item);
        let table = self.tables.get(menu.path).ok_or_else(|| self.no_such_item())?;
        let row = match parse_id(&text) {
            Some(id) => table.row(id),
            None => table.named(&text),
        };
        row.map(|row| row.id).ok_or_else(|| self.no_such_item())
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(format!("missing value(s) of argument(s) {name}"))
}

fn check_required(menu: &Menu, row: &Properties) -> Result<(), Refusal> {
    let is_missing = |name: &&&str| row.get(**name).is_none_or(Vec::is_empty);
    match menu.required.iter().find(is_missing) {
        Some(name) => Err(missing(name)),
        None => Ok(()),
    }
}

fn attributes(command: &Sentence) -> impl Iterator<Item = (String, Vec<u8>)> {
    command
        .attributes()
        .map(|(name, value)| (String::from_utf8_lossy(&name).into_owned(), value.to_vec()))
}
