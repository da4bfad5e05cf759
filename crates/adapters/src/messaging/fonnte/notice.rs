//! Delivery reports. Fonnte signs nothing: the secret in the route's path is the proof (checked by the front door),
//! and the notice must name our device.

use simpul_domain::{
    messaging::sender::{Delivery, DeviceState, SenderEvent},
    ports::{NoticeRejected, RawNotice},
};

use super::answer::Fields;

pub(super) fn verify(device: &str, notice: RawNotice<'_>) -> Result<Vec<SenderEvent>, NoticeRejected> {
    let fields = Fields::read(notice.body).ok_or(NoticeRejected::Malformed { field: "body" })?;
    let named = fields
        .text("device")
        .ok_or(NoticeRejected::Malformed { field: "device" })?;
    if named.trim_start_matches('+') != device {
        return Err(NoticeRejected::OtherAccount);
    }
    let (status, state) = (fields.text("status"), fields.text("state"));
    match (fields.text("id"), fields.text("stateid")) {
        (Some(id), alias) => Ok(report(&id, alias, status.as_deref(), state.as_deref())),
        (None, Some(alias)) => Ok(report(&alias, None, status.as_deref(), state.as_deref())),
        (None, None) => Ok(vec![device_event(status.as_deref())]),
    }
}

/// A hook with both ids pairs them; later ones may carry the second alone.
fn report(id: &str, alias: Option<String>, status: Option<&str>, state: Option<&str>) -> Vec<SenderEvent> {
    let alias = alias.map(|alias| SenderEvent::Alias {
        provider_id: id.to_owned(),
        alias,
    });
    // `state` is what happened at the recipient and says more than the queue's `status`.
    let progress = state.or(status).map(|word| progress(id, word));
    alias.into_iter().chain(progress).collect()
}

fn progress(id: &str, word: &str) -> SenderEvent {
    let provider_id = id.to_owned();
    let delivery = match word.to_ascii_lowercase().as_str() {
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "read" => Delivery::Read,
        "failed" | "invalid" | "expired" => {
            return SenderEvent::Failed {
                provider_id,
                reason: word.to_owned(),
            };
        }
        _ => {
            return SenderEvent::Irrelevant {
                event: word.to_owned(),
            };
        }
    };
    SenderEvent::Progress {
        provider_id,
        delivery,
    }
}

fn device_event(status: Option<&str>) -> SenderEvent {
    match status.map(str::to_ascii_lowercase).as_deref() {
        Some("connect" | "connected") => SenderEvent::Device(DeviceState::Connected),
        Some("disconnect" | "disconnected") => SenderEvent::Device(DeviceState::Down),
        Some(other) => SenderEvent::Irrelevant {
            event: other.to_owned(),
        },
        None => SenderEvent::Irrelevant {
            event: "message".to_owned(),
        },
    }
}
