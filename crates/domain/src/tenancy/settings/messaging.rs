//! What is told to customers, when and by whom (SPEC section 11). Kinds and quiet hours are read when a message is
//! queued, senders when it is sent.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, distinct, keep};
use crate::{SenderId, messaging::MessageKind, time::Zone};

const MAX_SENDERS: usize = 20;

/// Hours of the night, in the operator's zone, during which nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuietHours {
    pub from: NaiveTime,
    /// The first minute in which messages go out again; before `from`, it is the next morning's.
    pub until: NaiveTime,
}

impl QuietHours {
    /// When a message that is ready now goes out.
    pub fn end_after(self, at: DateTime<Utc>, zone: Zone) -> DateTime<Utc> {
        let today = zone.date_at(at);
        let midnight = zone.start_of(today);
        let offset = |time: NaiveTime| time.signed_duration_since(NaiveTime::MIN);
        let now = at - midnight;
        let (from, until) = (offset(self.from), offset(self.until));
        let quiet = if from < until {
            from <= now && now < until
        } else {
            from <= now || now < until
        };
        if !quiet {
            at
        } else if now < until {
            midnight + until
        } else {
            // INVARIANT: no zone has daylight saving, so every day has 24 hours.
            midnight + TimeDelta::days(1) + until
        }
    }
}

/// What is told to customers, when and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Messaging {
    /// Kinds that are sent.
    pub kinds: BTreeSet<MessageKind>,
    pub quiet_hours: Option<QuietHours>,
    /// Which connected senders of WhatsApp messages serve, the preferred first; empty: the one connected first.
    pub whatsapp_senders: Vec<SenderId>,
    /// The same of e-mail.
    pub email_senders: Vec<SenderId>,
}

impl Default for Messaging {
    fn default() -> Self {
        Self {
            kinds: MessageKind::ALL.into(),
            quiet_hours: None,
            whatsapp_senders: Vec::new(),
            email_senders: Vec::new(),
        }
    }
}

impl Messaging {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        let possible = self.quiet_hours.is_none_or(|quiet| quiet.from != quiet.until);
        keep(possible, "quietHours", "distinct")?;
        for (field, senders) in [
            ("whatsappSenders", &self.whatsapp_senders),
            ("emailSenders", &self.email_senders),
        ] {
            keep(senders.len() <= MAX_SENDERS, field, "count")?;
            keep(distinct(senders), field, "distinct")?;
        }
        Ok(())
    }
}
