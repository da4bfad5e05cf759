//! Reading: `print` with its properties, queries and count, and the rows that are computed.

use std::time::Duration;

use super::query::keeps;
use super::router::{Refusal, Router};
use super::schema::{
    self, ADDRESS_LIST, INTERFACE, LICENSE, PPP_ACTIVE, RESOURCE, ROUTERBOARD, Shape, USER_ACTIVE,
};
use super::table::{Properties, format_id};
use crate::codec::Sentence;
use crate::values::format_duration;

/// What of a row is shown, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// Another serial number than the router's own.
    pub(super) serial: Option<&'a str>,
    pub(super) raw_bytes: bool,
    /// The reader has the policy `sensitive`.
    pub(super) sensitive: bool,
}

/// What a read answers.
#[derive(Debug)]
pub(super) enum Answer {
    Rows(Vec<Sentence>),
    Count(usize),
}

impl Router {
    pub(super) fn print(
        &mut self,
        now: Duration,
        menu: &str,
        command: &Sentence,
        shown: Shown<'_>,
    ) -> Result<Answer, Refusal> {
        self.advance(now);
        schema::menu(menu).ok_or_else(|| Refusal::category(0, "no such command prefix"))?;
        let wanted = Wanted::read(command)?;
        let queries: Vec<&[u8]> = command.queries().collect();
        let mut kept = Vec::new();
        for mut row in self.visible_rows(now, menu, shown.serial) {
            if let Some(password) = row.get_mut("password").filter(|_| !shown.sensitive) {
                *password = b"*****".to_vec();
            }
            if shown.raw_bytes {
                row.insert("comment".into(), b"caf\xe9 \xf0\xba".to_vec());
            }
            if keeps(&queries, &row).map_err(|_| Refusal::category(5, "invalid query"))? {
                kept.push(row);
            }
        }
        Ok(if wanted.count_only {
            Answer::Count(kept.len())
        } else {
            Answer::Rows(kept.into_iter().map(|row| wanted.sentence(row)).collect())
        })
    }

    /// The rows as a reader sees them: with ids and computed values, without empty properties.
    pub(super) fn visible_rows(&self, now: Duration, menu: &str, serial: Option<&str>) -> Vec<Properties> {
        match menu {
            RESOURCE => return vec![self.resource(now)],
            ROUTERBOARD => return vec![self.routerboard(serial)],
            LICENSE => return vec![self.license(serial)],
            INTERFACE => return vec![interface("*1", "ether1"), interface("*2", "ether2")],
            USER_ACTIVE => return self.user_active(),
            _ => {}
        }
        let single = schema::menu(menu).is_some_and(|menu| menu.shape == Shape::Single);
        let rows = self.table(menu).iter().map(|row| {
            let mut seen = row.properties.clone();
            if menu == PPP_ACTIVE {
                let uptime = self.lines.uptime(&row.text("name"), now);
                seen.insert(
                    "uptime".into(),
                    format_duration(Duration::from_secs(uptime.as_secs())).into_bytes(),
                );
            }
            if let Some(ends_at) = self.expiries.get(&row.id).filter(|_| menu == ADDRESS_LIST) {
                let left = Duration::from_secs(ends_at.saturating_sub(now).as_secs());
                seen.insert("timeout".into(), format_duration(left).into_bytes());
            }
            if !single {
                seen.insert(".id".into(), format_id(row.id).into_bytes());
            }
            seen.retain(|_, value| !value.is_empty());
            seen
        });
        rows.collect()
    }

    fn resource(&self, now: Duration) -> Properties {
        let uptime = Duration::from_secs(now.saturating_sub(self.booted_at).as_secs());
        let (board, architecture, cpu) = if self.config.virtual_router {
            ("CHR QEMU Standard PC (Q35 + ICH9, 2009)", "x86_64", "QEMU")
        } else {
            ("hEX", "mmips", "MIPS 1004Kc V2.15")
        };
        properties(&[
            ("uptime", &format_duration(uptime)),
            ("version", self.config.personality.version()),
            ("board-name", board),
            ("architecture-name", architecture),
            ("cpu", cpu),
            ("cpu-count", "4"),
            ("cpu-load", "3"),
            ("free-memory", "201326592"),
            ("total-memory", "268435456"),
            ("free-hdd-space", "4194304"),
            ("total-hdd-space", "16777216"),
            ("platform", "MikroTik"),
        ])
    }

    fn routerboard(&self, serial: Option<&str>) -> Properties {
        if self.config.virtual_router {
            return properties(&[("routerboard", "false")]);
        }
        properties(&[
            ("routerboard", "true"),
            ("model", "RB750Gr3"),
            ("serial-number", serial.unwrap_or(&self.config.serial_number)),
        ])
    }

    fn license(&self, serial: Option<&str>) -> Properties {
        if self.config.virtual_router {
            let id = serial.unwrap_or(&self.config.serial_number);
            return properties(&[("system-id", id), ("level", "p1")]);
        }
        properties(&[("software-id", "SIML-0001"), ("nlevel", "4")])
    }

    fn user_active(&self) -> Vec<Properties> {
        let row = |(id, name): (&u64, &String)| {
            properties(&[
                (".id", &format_id(*id)),
                ("name", name),
                ("via", "api"),
                ("group", "full"),
            ])
        };
        self.api_sessions.iter().map(row).collect()
    }
}

fn properties(pairs: &[(&str, &str)]) -> Properties {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn interface(id: &str, name: &str) -> Properties {
    properties(&[
        (".id", id),
        ("name", name),
        ("type", "ether"),
        ("running", "true"),
        ("disabled", "false"),
    ])
}

struct Wanted {
    names: Option<Vec<String>>,
    count_only: bool,
}

impl Wanted {
    fn read(command: &Sentence) -> Result<Self, Refusal> {
        let mut wanted = Self {
            names: None,
            count_only: false,
        };
        for (name, value) in command.attributes() {
            let value = String::from_utf8_lossy(&value);
            match name.as_ref() {
                b".proplist" => wanted.names = Some(value.split(',').map(str::to_owned).collect()),
                b"count-only" => wanted.count_only = true,
                b"detail" | b"stats" | b"without-paging" | b"terse" | b"brief" => {}
                other => {
                    let name = String::from_utf8_lossy(other);
                    return Err(Refusal::new(format!("unknown parameter {name}")));
                }
            }
        }
        Ok(wanted)
    }

    fn sentence(&self, row: Properties) -> Sentence {
        let listed = |name: &String| self.names.as_ref().is_none_or(|names| names.contains(name));
        row.into_iter()
            .filter(|(name, _)| listed(name))
            .fold(Sentence::of("!re"), |sentence, (name, value)| {
                sentence.attribute(&name, value)
            })
    }
}
