//! Bodies as FreeRADIUS 3.2.1 sends them, and what is none.

use serde_json::json;

use super::*;

fn read(body: &Value) -> Result<Packet, Rubbish> {
    decode(body.to_string().as_bytes())
}

fn session(body: &Value) -> SessionPacket {
    match read(body).expect("a packet") {
        Packet::Session(packet) => *packet,
        other => panic!("{other:?}"),
    }
}

fn interim(attributes: Value) -> Value {
    let mut body = json!({
        "User-Name": {"type": "string", "value": ["budi"]},
        "Acct-Status-Type": {"type": "integer", "value": ["Interim-Update"]},
        "Acct-Unique-Session-Id": {"type": "string", "value": ["0123456789abcdef0123456789abcdef"]},
    });
    if let (Value::Object(body), Value::Object(attributes)) = (&mut body, attributes) {
        body.extend(attributes);
    }
    body
}

#[test]
fn an_interim_of_a_router_with_both_halves_is_read_whole() {
    let packet = session(&interim(json!({
        "Calling-Station-Id": {"type": "string", "value": ["AA:BB:CC:DD:EE:01"]},
        "Framed-IP-Address": {"type": "ipaddr", "value": ["10.0.0.2"]},
        "Acct-Session-Time": {"type": "integer", "value": [300]},
        "Acct-Input-Octets": {"type": "integer", "value": [4_294_967_295_u32]},
        "Acct-Input-Gigawords": {"type": "integer", "value": [2]},
        "Acct-Output-Octets": {"type": "integer", "value": [7]},
        "Acct-Output-Gigawords": {"type": "integer", "value": [0]},
        "Acct-Input-Octets64": {"type": "integer64", "value": ["12884901887"]},
        "Acct-Output-Octets64": {"type": "integer64", "value": ["7"]},
    })));
    let reading = packet.reading.expect("counters");
    assert_eq!(reading.seconds, Some(300));
    assert_eq!(reading.input.octets.get(), 12_884_901_887);
    assert_eq!(reading.output.octets.get(), 7);
    assert!(reading.input.wide && reading.output.wide);
    assert_eq!(packet.station.as_deref(), Some("AA:BB:CC:DD:EE:01"));
    assert_eq!(packet.address.as_deref(), Some("10.0.0.2"));
    assert!(!format!("{packet:?}").contains("budi"), "nobody is printed");
}

#[test]
fn without_the_upper_half_a_counter_may_wrap_whatever_freeradius_has_calculated() {
    let packet = session(&interim(json!({
        "Acct-Session-Time": {"type": "integer", "value": [300]},
        "Acct-Input-Octets": {"type": "integer", "value": [5]},
        "Acct-Input-Octets64": {"type": "integer64", "value": ["5"]},
        "Acct-Output-Octets64": {"type": "integer64", "value": ["0"]},
    })));
    let reading = packet.reading.expect("counters");
    assert!(!reading.input.wide);
    assert_eq!(reading.output.octets, Octets::ZERO);
}

#[test]
fn names_and_numbers_mean_the_same() {
    for (status, cause) in [
        (json!("Stop"), json!("Lost-Carrier")),
        (json!(2), json!(2)),
        (json!("2"), json!("2")),
    ] {
        let packet = session(&interim(json!({
            "Acct-Status-Type": {"type": "integer", "value": [status]},
            "Acct-Terminate-Cause": {"type": "integer", "value": [cause]},
        })));
        assert_eq!(
            packet.kind,
            Kind::Stop {
                cause: Cause::LostCarrier
            }
        );
    }
    let status = |status: Value| read(&json!({"Acct-Status-Type": {"type": "integer", "value": [status]}}));
    assert_eq!(status(json!("Accounting-On")), Ok(Packet::On));
    assert_eq!(status(json!(8)), Ok(Packet::Off));
    assert_eq!(status(json!("Tunnel-Start")), Ok(Packet::Other));
    // Not even with a session's id: it is not a session's.
    assert_eq!(status(json!(15)), Ok(Packet::Other));
}

#[test]
fn bytes_that_were_written_one_by_one_become_the_text_again() {
    for (sent, text) in [
        ("s\u{c3}\u{a9}crit", "sécrit"),
        ("plain", "plain"),
        // No UTF-8: it stays as it came.
        ("\u{e9}", "é"),
        // Was never written byte by byte.
        ("→", "→"),
        ("nul\u{0}", "nul"),
    ] {
        let packet = session(&interim(
            json!({"User-Name": {"type": "string", "value": [sent]}}),
        ));
        assert_eq!(packet.user.as_deref(), Some(text));
    }
}

#[test]
fn what_is_no_packet_is_rubbish_with_a_name() {
    for (body, rubbish) in [
        ("", Rubbish::NotAttributes),
        ("[]", Rubbish::NotAttributes),
        ("{}", Rubbish::Missing("Acct-Status-Type")),
        (
            r#"{"Acct-Status-Type": {"value": [{}]}}"#,
            Rubbish::Unreadable("Acct-Status-Type"),
        ),
        (
            r#"{"Acct-Status-Type": {"value": ["Start"]}}"#,
            Rubbish::Missing("Acct-Unique-Session-Id"),
        ),
        (
            r#"{"Acct-Status-Type": {"value": ["Start"]}, "Acct-Unique-Session-Id": {"value": [[1]]}}"#,
            Rubbish::Unreadable("Acct-Unique-Session-Id"),
        ),
    ] {
        assert_eq!(decode(body.as_bytes()), Err(rubbish), "{body}");
    }
    for (name, value) in [
        ("Acct-Session-Time", json!(-1)),
        ("Acct-Session-Time", json!(1_u64 << 32)),
        ("Acct-Input-Octets", json!("many")),
        ("Acct-Output-Octets64", json!("18446744073709551615")),
        ("User-Name", json!("x".repeat(254))),
    ] {
        let mut attributes = Map::new();
        attributes.insert(name.to_owned(), json!({ "value": [value] }));
        let rubbish = read(&interim(Value::Object(attributes)));
        assert_eq!(rubbish, Err(Rubbish::Unreadable(name)));
    }
}
