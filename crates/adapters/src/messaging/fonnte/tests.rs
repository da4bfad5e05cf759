//! The Fonnte client against the stand-in.

use std::time::Duration;

use proptest::prelude::*;
use simpul_domain::{MessageId, messaging::sender::Delivery};
use uuid::Uuid;

use super::*;
use crate::{
    egress::{Hosts, HttpLimits, Policy},
    standin::{
        Fault,
        fonnte::{FonnteStandIn, Settings},
    },
};

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn message(to: &str, text: &str) -> OutboundMessage {
    OutboundMessage {
        id: MessageId::new(Uuid::from_u128(7)),
        to: phone(to),
        text: text.to_owned(),
    }
}

fn hello() -> OutboundMessage {
    message(
        "0812-3456-7890",
        "Halo *Budi*,\ntagihan Rp150.000 & selamat pagi 😀",
    )
}

fn egress(policy: Policy) -> Egress {
    Egress::new(policy).expect("a guard")
}

/// A client that does not wait long for answers that never come.
fn hasty(standin: &FonnteStandIn) -> Fonnte {
    let limits = HttpLimits {
        total: Duration::from_secs(1),
        ..HttpLimits::default()
    };
    let egress = Egress::with(Policy::development(), Hosts::default(), limits).expect("a guard");
    Fonnte::new(standin.client_config().expect("a config"), &egress).expect("a client")
}

async fn pair() -> (FonnteStandIn, Fonnte) {
    let egress = egress(Policy::development());
    let standin = FonnteStandIn::start(Settings::demo().expect("settings"), &egress)
        .await
        .expect("a stand-in");
    let client = Fonnte::new(standin.client_config().expect("a config"), &egress).expect("a client");
    (standin, client)
}

/// With a pool of its own: a connection that was just closed would leave the outcome unknown.
fn fresh(standin: &FonnteStandIn) -> Fonnte {
    let config = standin.client_config().expect("a config");
    Fonnte::new(config, &egress(Policy::development())).expect("a client")
}

fn rejected_as(outcome: &SendOutcome) -> Option<RejectionKind> {
    match outcome {
        SendOutcome::Rejected(rejection) => Some(rejection.kind),
        SendOutcome::Accepted { .. } | SendOutcome::Unknown => None,
    }
}

fn events(body: &str) -> Result<Vec<SenderEvent>, NoticeRejected> {
    notice::verify(
        "6281111111111",
        RawNotice {
            headers: &[],
            body: body.as_bytes(),
        },
    )
}

#[tokio::test]
async fn a_message_is_taken_with_its_full_number_and_exact_text() {
    let (standin, client) = pair().await;
    let outcome = client.send(&hello()).await;
    assert_eq!(
        outcome,
        SendOutcome::Accepted {
            provider_ids: vec!["80367170".to_owned()]
        }
    );
    let journal = standin.journal();
    assert_eq!((journal.len(), journal[0].target.as_str()), (1, "6281234567890"));
    assert_eq!(
        (journal[0].message.as_str(), journal[0].connect_only),
        (hello().text.as_str(), true)
    );
}

#[tokio::test]
async fn failures_with_status_200_are_definite_refusals() {
    let (standin, client) = pair().await;
    let table = [
        ("token invalid", RejectionKind::Credentials),
        ("insufficient quota", RejectionKind::Quota),
        ("target invalid", RejectionKind::Recipient),
        ("input invalid", RejectionKind::Content),
    ];
    for (reason, kind) in table {
        standin.inject(
            &Fault::Refuse {
                reason: reason.to_owned(),
            },
            1,
        );
        let expected = SendOutcome::Rejected(Rejection {
            kind,
            reason: reason.to_owned(),
        });
        assert_eq!(client.send(&hello()).await, expected);
    }
    standin.set_connected(false);
    assert_eq!(
        rejected_as(&client.send(&hello()).await),
        Some(RejectionKind::DeviceOffline)
    );
    assert_eq!(standin.journal().len(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_because_the_message_may_be_out() {
    let (standin, client) = pair().await;
    let faults = [
        Fault::LoseAnswer,
        Fault::Silence,
        Fault::Rubbish,
        Fault::Status { status: 500 },
        Fault::Status { status: 502 },
    ];
    let hasty = hasty(&standin);
    for fault in faults {
        standin.inject(&fault, 1);
        let silent = matches!(fault, Fault::LoseAnswer | Fault::Silence);
        let client = if silent { &hasty } else { &client };
        assert_eq!(client.send(&hello()).await, SendOutcome::Unknown, "{fault:?}");
    }
    assert_eq!(
        standin.journal().len(),
        2,
        "LoseAnswer and Rubbish did take the message"
    );
    standin.inject(&Fault::Slow { delay_ms: 50 }, 1);
    assert!(
        matches!(client.send(&hello()).await, SendOutcome::Accepted { .. }),
        "slow, but in time"
    );
}

#[tokio::test]
async fn what_was_certainly_not_sent_may_be_tried_again() {
    let (standin, client) = pair().await;
    let table = [
        (429, RejectionKind::RateLimited),
        (302, RejectionKind::Unreachable),
        (403, RejectionKind::Credentials),
        (404, RejectionKind::Other),
    ];
    for (status, kind) in table {
        standin.inject(&Fault::Status { status }, 1);
        assert_eq!(rejected_as(&client.send(&hello()).await), Some(kind), "{status}");
    }
    standin.go_down().await;
    let client = fresh(&standin);
    let outcome = client.send(&hello()).await;
    assert_eq!(rejected_as(&outcome), Some(RejectionKind::Unreachable));
    assert!(RejectionKind::Unreachable.may_retry());
    standin.come_up().await.expect("up again");
    assert!(matches!(
        client.send(&hello()).await,
        SendOutcome::Accepted { .. }
    ));
}

#[tokio::test]
async fn texts_and_numbers_that_cannot_work_are_not_sent() {
    let (standin, client) = pair().await;
    let long = "x".repeat(MAX_TEXT_CHARS + 1);
    for text in ["", "  \n", long.as_str()] {
        let outcome = client.send(&message("6281234567890", text)).await;
        assert_eq!(rejected_as(&outcome), Some(RejectionKind::Content));
    }
    let outcome = client.send(&message("021 5551234", "Halo")).await;
    assert_eq!(rejected_as(&outcome), Some(RejectionKind::Recipient));
    assert_eq!(standin.journal().len(), 0);
}

#[tokio::test]
async fn a_wrong_token_needs_a_person() {
    let (standin, _) = pair().await;
    let config = FonnteConfig {
        token: "another".into(),
        ..standin.client_config().expect("a config")
    };
    let client = Fonnte::new(config, &egress(Policy::development())).expect("a client");
    assert_eq!(
        rejected_as(&client.send(&hello()).await),
        Some(RejectionKind::Credentials)
    );
    let refused = SenderError::Credentials {
        reason: "token invalid".to_owned(),
    };
    assert_eq!(client.device().await, Err(refused.clone()));
    assert_eq!(client.check_number(&phone("6281234567890")).await, Err(refused));
    assert!(!format!("{client:?}").contains("another"));
}

#[tokio::test]
async fn an_empty_or_unwritable_token_is_never_sent() {
    let (standin, _) = pair().await;
    let config = standin.client_config().expect("a config");
    let empty = Fonnte::new(
        FonnteConfig {
            token: " ".into(),
            ..config.clone()
        },
        &egress(Policy::development()),
    );
    assert_eq!(empty.expect_err("empty"), FonnteConfigError::EmptyToken);
    let config = FonnteConfig {
        token: "a\nb".into(),
        ..config
    };
    let client = Fonnte::new(config, &egress(Policy::development())).expect("a client");
    assert_eq!(
        rejected_as(&client.send(&hello()).await),
        Some(RejectionKind::Credentials)
    );
}

#[tokio::test]
async fn production_refuses_a_driver_inside() {
    let (standin, _) = pair().await;
    let config = standin.client_config().expect("a config");
    let client = Fonnte::new(config, &egress(Policy::production())).expect("a client");
    assert_eq!(
        rejected_as(&client.send(&hello()).await),
        Some(RejectionKind::Other)
    );
}

#[tokio::test]
async fn numbers_and_the_device_can_be_asked_about() {
    let (standin, client) = pair().await;
    standin.unregister(&phone("6281234567899"));
    assert_eq!(
        client.check_number(&phone("6281234567890")).await,
        Ok(NumberPresence::Present)
    );
    assert_eq!(
        client.check_number(&phone("6281234567899")).await,
        Ok(NumberPresence::Absent)
    );
    assert_eq!(client.device().await, Ok(DeviceState::Connected));
    standin.set_connected(false);
    assert_eq!(client.device().await, Ok(DeviceState::Down));
    standin.go_down().await;
    let client = fresh(&standin);
    assert_eq!(client.device().await, Err(SenderError::Unavailable));
}

#[test]
fn reports_move_a_message_forward_and_pair_its_ids() {
    let id = || "80367170".to_owned();
    let progress = |provider_id, delivery| SenderEvent::Progress {
        provider_id,
        delivery,
    };
    let report = r#"{"device":"6281111111111","id":"80367170","stateid":"ABC","status":"sent","state":""}"#;
    let alias = SenderEvent::Alias {
        provider_id: id(),
        alias: "ABC".to_owned(),
    };
    assert_eq!(events(report), Ok(vec![alias, progress(id(), Delivery::Sent)]));
    let report = r#"{"device":"+6281111111111","stateid":"ABC","state":"Read"}"#;
    assert_eq!(
        events(report),
        Ok(vec![progress("ABC".to_owned(), Delivery::Read)])
    );
    let report = r#"{"Device":6281111111111,"ID":80367170,"status":"sent","state":"delivered"}"#;
    assert_eq!(events(report), Ok(vec![progress(id(), Delivery::Delivered)]));
    let report = r#"{"device":"6281111111111","id":"80367170","status":"invalid"}"#;
    let failed = SenderEvent::Failed {
        provider_id: id(),
        reason: "invalid".to_owned(),
    };
    assert_eq!(events(report), Ok(vec![failed]));
    let report = r#"{"device":"6281111111111","id":"80367170","status":"processing"}"#;
    assert_eq!(
        events(report),
        Ok(vec![SenderEvent::Irrelevant {
            event: "processing".to_owned()
        }])
    );
}

#[test]
fn notices_of_the_device_and_of_inbound_messages_are_told_apart() {
    let report = r#"{"device":"6281111111111","status":"disconnect"}"#;
    assert_eq!(events(report), Ok(vec![SenderEvent::Device(DeviceState::Down)]));
    let inbound = r#"{"device":"6281111111111","sender":"6281234567890","message":"Halo"}"#;
    assert_eq!(
        events(inbound),
        Ok(vec![SenderEvent::Irrelevant {
            event: "message".to_owned()
        }])
    );
}

#[test]
fn a_notice_for_another_device_is_refused() {
    let other = r#"{"device":"6282222222222","id":"1","status":"sent"}"#;
    assert_eq!(events(other), Err(NoticeRejected::OtherAccount));
    assert_eq!(
        events(r#"{"id":"1"}"#),
        Err(NoticeRejected::Malformed { field: "device" })
    );
    assert_eq!(
        events("id=1&device=6281111111111"),
        Err(NoticeRejected::Malformed { field: "body" })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn rubbish_reports_never_panic(body in ".{0,200}", status: u16) {
        let _ = events(&body);
        let reply = Reply { status, headers: reqwest::header::HeaderMap::new(), body: body.into_bytes().into() };
        let accepted = rejected_as(&outcome(&reply)).is_none() && outcome(&reply) != SendOutcome::Unknown;
        prop_assert!(!accepted || reply.is_success());
    }
}
