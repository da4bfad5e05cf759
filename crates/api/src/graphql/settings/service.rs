//! How service is restricted, on which days it is not, sessions of subscribers, and how vouchers are made.

use async_graphql::{Enum, InputObject, SimpleObject};
use simpul_domain::{
    network::PppProfile,
    tenancy::settings::{
        BlastRadius, Calendar, Charset, Isolir, IsolirScope, IsolirStrategy, Sessions, VoucherPrefix,
        Vouchers,
    },
    within::Within,
};

use crate::graphql::{fields::Fields, scalar::Date, user_error::UserError};

/// How service is restricted for unpaid bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "IsolirStrategy", name = "IsolirStrategy")]
pub(crate) enum Strategy {
    /// The PPP secret gets the isolir profile and the session ends: the customer lands on the pay page.
    PppProfileSwitch,
    /// The PPP secret gets a copy of its plan's profile that puts its sessions on the router's isolir list, and the session
    /// ends: the customer keeps the plan's pool and speed, and lands on the pay page.
    AddressList,
    /// The next authentication is answered with isolir attributes.
    RadiusAttributes,
    /// Isolir attributes are pushed to the running session.
    RadiusCoa,
    /// Authentication is refused.
    RadiusReject,
    /// The PPP secret is disabled and the session ends.
    DisableSecret,
}

/// What an unpaid bill restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "IsolirScope", name = "IsolirScope")]
pub(crate) enum Reach {
    /// The line that the bill is for.
    Subscription,
    /// Every line of the customer.
    Customer,
}

/// How service is restricted.
#[derive(Debug, SimpleObject)]
pub(crate) struct IsolirSettings {
    /// For unpaid bills.
    strategy: Strategy,
    /// Name of the PPP profile that leads to the pay page.
    profile: String,
    /// What an unpaid bill restricts.
    scope: Reach,
    /// A day's isolations wait for approval when they concern a greater share of the lines than this, and more than ten.
    guard_max_percent: i32,
    /// The same, for more than this many times the usual of the latest 30 days that had any; asked from the sixth on.
    guard_max_times_usual: i32,
}

impl From<&Isolir> for IsolirSettings {
    fn from(isolir: &Isolir) -> Self {
        Self {
            strategy: isolir.strategy.into(),
            profile: isolir.profile.as_str().to_owned(),
            scope: isolir.scope.into(),
            guard_max_percent: isolir.guard.max_percent.get().into(),
            guard_max_times_usual: isolir.guard.max_times_usual.get().into(),
        }
    }
}

/// How service is restricted, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct IsolirSettingsChangeInput {
    /// For unpaid bills.
    strategy: Strategy,
    /// Name of the PPP profile that leads to the pay page.
    profile: String,
    /// What an unpaid bill restricts.
    scope: Reach,
    /// A day's isolations wait for approval when they concern a greater share of the lines than this, 1 to 100.
    guard_max_percent: i32,
    /// The same, for more than this many times the usual, 2 to 100.
    guard_max_times_usual: i32,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl IsolirSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Isolir, Vec<UserError>> {
        let mut fields = Fields::default();
        let profile = fields.take("profile", "pattern", PppProfile::parse(&self.profile));
        let percent = fields.take("guardMaxPercent", "range", Within::read(self.guard_max_percent));
        let times = Within::read(self.guard_max_times_usual);
        let times = fields.take("guardMaxTimesUsual", "range", times);
        let isolir = (|| {
            Some(Isolir {
                strategy: self.strategy.into(),
                profile: profile?,
                scope: self.scope.into(),
                guard: BlastRadius {
                    max_percent: percent?,
                    max_times_usual: times?,
                },
            })
        })();
        fields.done(isolir)
    }
}

/// Days on which nobody is isolated or reminded. Reminders read them when a bill is issued.
#[derive(Debug, SimpleObject)]
pub(crate) struct CalendarSettings {
    /// In their order.
    holidays: Vec<Date>,
    /// Saturdays and Sundays too.
    weekends: bool,
    /// What would be due on a day off is due on the next that is none. Read when a bill is issued.
    moves_due_dates: bool,
}

impl From<&Calendar> for CalendarSettings {
    fn from(calendar: &Calendar) -> Self {
        Self {
            holidays: calendar.holidays.iter().copied().map(Date).collect(),
            weekends: calendar.weekends,
            moves_due_dates: calendar.moves_due_dates,
        }
    }
}

/// Days off, all of them.
#[derive(Debug, InputObject)]
pub(crate) struct CalendarSettingsChangeInput {
    /// At most 400.
    holidays: Vec<Date>,
    /// Saturdays and Sundays too.
    weekends: bool,
    /// What would be due on a day off is due on the next that is none.
    #[graphql(default)]
    moves_due_dates: bool,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl CalendarSettingsChangeInput {
    pub(super) fn section(&self) -> Calendar {
        Calendar {
            holidays: self.holidays.iter().map(|day| day.0).collect(),
            weekends: self.weekends,
            moves_due_dates: self.moves_due_dates,
        }
    }
}

/// Sessions of subscribers. How long people stay signed in is in `signInRules`.
#[derive(Debug, SimpleObject)]
pub(crate) struct SessionSettings {
    /// Seconds between two accounting reports of a router about one session. RADIUS replies will read it.
    interim_interval_seconds: i32,
}

impl From<&Sessions> for SessionSettings {
    fn from(sessions: &Sessions) -> Self {
        Self {
            interim_interval_seconds: sessions.interim_interval_s.get().into(),
        }
    }
}

/// Sessions of subscribers, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct SessionSettingsChangeInput {
    /// Seconds between two accounting reports of a router about one session, 60 to 3600.
    interim_interval_seconds: i32,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl SessionSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Sessions, Vec<UserError>> {
        let mut fields = Fields::default();
        let interval = Within::read(self.interim_interval_seconds);
        let interval = fields.take("interimIntervalSeconds", "range", interval);
        fields.done(interval.map(|interim_interval_s| Sessions { interim_interval_s }))
    }
}

/// Characters that codes are made of. Those that look alike are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Charset", name = "Charset")]
pub(crate) enum CodeCharset {
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
    /// Letters and digits.
    Mixed,
    /// Digits.
    Numeric,
}

/// How vouchers are made unless a batch says otherwise. Voucher batches will read it.
#[derive(Debug, SimpleObject)]
pub(crate) struct VoucherSettings {
    /// Characters of a code after its prefix.
    length: i32,
    /// What codes are made of.
    charset: CodeCharset,
    /// What every code begins with.
    prefix: String,
    /// The code is the password too.
    same_password: bool,
}

impl From<&Vouchers> for VoucherSettings {
    fn from(vouchers: &Vouchers) -> Self {
        Self {
            length: vouchers.length.get().into(),
            charset: vouchers.charset.into(),
            prefix: vouchers.prefix.as_str().to_owned(),
            same_password: vouchers.same_password,
        }
    }
}

/// How vouchers are made, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct VoucherSettingsChangeInput {
    /// Characters of a code after its prefix, 4 to 16; of digits alone 6 at least.
    length: i32,
    /// What codes are made of.
    charset: CodeCharset,
    /// What every code begins with, at most 8 letters, digits and dashes.
    prefix: String,
    /// The code is the password too.
    same_password: bool,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl VoucherSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Vouchers, Vec<UserError>> {
        let mut fields = Fields::default();
        let length = fields.take("length", "range", Within::read(self.length));
        let prefix = fields.take("prefix", "pattern", VoucherPrefix::parse(&self.prefix));
        fields.done(length.zip(prefix).map(|(length, prefix)| Vouchers {
            length,
            charset: self.charset.into(),
            prefix,
            same_password: self.same_password,
        }))
    }
}
