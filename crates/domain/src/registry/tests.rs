//! Rows that are not events of this version are refused with the reason.

use serde_json::json;

use super::*;

fn retired() -> Value {
    json!({ "catalog.service_plan.retired": {
        "plan": "pln_00000000000000000000000001", "at": "2026-11-20T12:00:00Z",
    } })
}

#[test]
fn a_row_of_the_log_becomes_its_event() {
    let event = AnyEvent::parse(
        "catalog.service_plan",
        "catalog.service_plan.retired",
        "1",
        &retired().to_string(),
    );
    let event = event.expect("readable");
    assert_eq!(event.event_type(), "catalog.service_plan.retired");
    assert_eq!(event.aggregate_type(), "catalog.service_plan");
}

#[test]
fn unknown_names_versions_and_payloads_are_told_apart() {
    let parse = |aggregate, event, version, payload: Value| {
        AnyEvent::parse(aggregate, event, version, &payload.to_string()).expect_err("no")
    };
    let plan = "catalog.service_plan";
    let name = "catalog.service_plan.retired";
    assert!(matches!(
        parse("catalog.plan", name, "1", retired()),
        UnreadableEvent::UnknownAggregate { .. }
    ));
    assert!(matches!(
        parse(plan, name, "2", retired()),
        UnreadableEvent::UnknownEvent { .. }
    ));
    assert!(matches!(
        parse(plan, "catalog.service_plan.sold", "1", retired()),
        UnreadableEvent::UnknownEvent { .. }
    ));
    assert!(matches!(
        parse(plan, name, "1", json!({})),
        UnreadableEvent::Payload { .. }
    ));
    let other = "catalog.service_plan.defined";
    assert!(matches!(
        parse(plan, other, "1", retired()),
        UnreadableEvent::Mismatch { .. }
    ));
}
