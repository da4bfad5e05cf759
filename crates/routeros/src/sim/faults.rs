//! The failures of real routers, to be switched on and off while the simulator runs.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::watch;

/// Whether the router can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Power {
    /// It answers.
    #[default]
    On,
    /// Nothing listens: connections are refused, open ones are cut.
    Refuse,
    /// Connections are accepted and closed at once.
    Close,
}

/// All switches. The default is a healthy router.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Whether the router can be reached.
    pub power: Power,
    /// Accept, but never read or answer, also on open connections.
    pub freeze: bool,
    /// Wait this long before the first reply of a command.
    pub reply_delay: Duration,
    /// Wait this long before each row.
    pub row_delay: Duration,
    /// Cut the connection when the n-th write from now arrives, before it takes effect. Fires once.
    pub drop_before_apply: Option<u32>,
    /// Cut the connection after the n-th write from now took effect, without an answer. Fires once.
    pub drop_after_apply: Option<u32>,
    /// Answer a write this long after it took effect.
    pub delay_after_apply: Duration,
    /// End every print with a refusal after this many rows.
    pub trap_after_rows: Option<usize>,
    /// Another serial number: another router took the address.
    pub serial_number: Option<String>,
    /// Say `!future` before every answer.
    pub future_word: bool,
    /// Give every row a comment that is not UTF-8.
    pub raw_bytes: bool,
}

/// A line of the control protocol was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown switch or value: {0}")]
pub struct ControlError(pub String);

impl Faults {
    /// Changes one switch by a line of text:
    ///
    /// `power on|refuse|close`, `freeze on|off`, `slow <reply ms> <row ms>`, `drop-before <n>|off`,
    /// `drop-after <n>|off`, `delay-after <ms>`, `trap-after <rows>|off`, `serial <text>|off`, `future on|off`,
    /// `raw-bytes on|off`, `reset`. An empty line and `status` change nothing.
    pub fn apply_line(&mut self, line: &str) -> Result<(), ControlError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let unknown = || ControlError(line.trim().to_owned());
        match words[..] {
            [] | ["status"] => {}
            ["reset"] => *self = Self::default(),
            ["power", "on"] => self.power = Power::On,
            ["power", "refuse"] => self.power = Power::Refuse,
            ["power", "close"] => self.power = Power::Close,
            ["freeze", switch] => self.freeze = flag(switch).ok_or_else(unknown)?,
            ["future", switch] => self.future_word = flag(switch).ok_or_else(unknown)?,
            ["raw-bytes", switch] => self.raw_bytes = flag(switch).ok_or_else(unknown)?,
            ["slow", reply, row] => {
                self.reply_delay = millis(reply).ok_or_else(unknown)?;
                self.row_delay = millis(row).ok_or_else(unknown)?;
            }
            ["delay-after", delay] => self.delay_after_apply = millis(delay).ok_or_else(unknown)?,
            ["drop-before", count] => set(&mut self.drop_before_apply, count).ok_or_else(unknown)?,
            ["drop-after", count] => set(&mut self.drop_after_apply, count).ok_or_else(unknown)?,
            ["trap-after", rows] => set(&mut self.trap_after_rows, rows).ok_or_else(unknown)?,
            ["serial", "off"] => self.serial_number = None,
            ["serial", text] => self.serial_number = Some(text.to_owned()),
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// The switches as lines that [`Self::apply_line`] understands, joined by `; `.
    pub fn status(&self) -> String {
        let power = match self.power {
            Power::On => "on",
            Power::Refuse => "refuse",
            Power::Close => "close",
        };
        let mut out = format!("power {power}; freeze {}", on_off(self.freeze));
        let (reply, row) = (self.reply_delay.as_millis(), self.row_delay.as_millis());
        let _ = write!(
            out,
            "; slow {reply} {row}; drop-before {}",
            count(self.drop_before_apply)
        );
        let _ = write!(out, "; drop-after {}", count(self.drop_after_apply));
        let _ = write!(out, "; delay-after {}", self.delay_after_apply.as_millis());
        let _ = write!(out, "; trap-after {}", count(self.trap_after_rows));
        let _ = write!(out, "; serial {}", self.serial_number.as_deref().unwrap_or("off"));
        let _ = write!(
            out,
            "; future {}; raw-bytes {}",
            on_off(self.future_word),
            on_off(self.raw_bytes)
        );
        out
    }

    /// Counts one write down; whether the connection is to be cut before or after it takes effect.
    pub(super) fn on_write(&mut self) -> Cut {
        let before = fires(&mut self.drop_before_apply);
        let after = fires(&mut self.drop_after_apply);
        match (before, after) {
            (true, _) => Cut::Before,
            (false, true) => Cut::After,
            (false, false) => Cut::Never,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    Before,
    After,
}

fn fires(countdown: &mut Option<u32>) -> bool {
    match *countdown {
        Some(0 | 1) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *countdown = Some(left - 1);
            false
        }
        None => false,
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

const fn on_off(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}

fn millis(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}

/// Sets a counter from a number or `off`.
fn set<T: std::str::FromStr>(counter: &mut Option<T>, text: &str) -> Option<()> {
    *counter = if text == "off" {
        None
    } else {
        Some(text.parse().ok()?)
    };
    Some(())
}

fn count<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "off".to_owned(), |value| value.to_string())
}

/// The handle on the switches of a running simulator.
#[derive(Debug, Clone)]
pub struct Switches {
    faults: watch::Sender<Faults>,
}

impl Switches {
    pub(super) fn new() -> Self {
        Self {
            faults: watch::Sender::new(Faults::default()),
        }
    }

    /// Changes switches; connections notice at once.
    pub fn change(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// A healthy router again.
    pub fn reset(&self) {
        self.change(|faults| *faults = Faults::default());
    }

    /// The switches as they are now.
    pub fn current(&self) -> Faults {
        self.faults.borrow().clone()
    }

    /// Applies lines of the control protocol, for instance of a control file. Either all lines take effect or, with
    /// an error, none.
    pub fn apply_text(&self, text: &str) -> Result<(), ControlError> {
        let mut faults = self.current();
        for line in text.lines().flat_map(|line| line.split(';')) {
            faults.apply_line(line)?;
        }
        self.change(|current| *current = faults);
        Ok(())
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Faults> {
        self.faults.subscribe()
    }

    /// Counting down is no news to the connections.
    pub(super) fn quietly(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_if_modified(|faults| {
            change(faults);
            false
        });
    }
}
