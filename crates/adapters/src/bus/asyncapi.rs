//! The `AsyncAPI` document of everything that is published, generated from the catalogue of stored events.

use serde_json::{Map, Value, json};
use simpul_domain::registry::catalogue;

use super::envelope::CONTENT_TYPE;

/// The document as JSON.
pub fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for event in catalogue() {
        let name = event.event_type;
        let short = name.rsplit('.').next().unwrap_or_default();
        channels.insert(
            name.to_owned(),
            json!({
                "address": format!("tenant.{{tenantId}}.{}.{short}", event.aggregate_type),
                "parameters": { "tenantId": { "description": "The tenant whose event it is." } },
                "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
            }),
        );
        operations.insert(
            format!("publish.{name}"),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") } }),
        );
        messages.insert(
            name.to_owned(),
            json!({
                "name": name,
                "contentType": CONTENT_TYPE,
                "payload": payload(name, event.version, &event.schema),
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Simpul events",
            "version": "1",
            "description": "Every event of a tenant's log, in order, at least once: deduplicate by id.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn payload(name: &str, version: &str, schema: &Value) -> Value {
    let text = json!({ "type": "string" });
    let digits = json!({ "type": "string", "pattern": "^[0-9]{19}$" });
    json!({
        "type": "object",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "tenantid", "tenantseq",
            "aggregatetype", "sequence", "version", "correlationid", "storeepoch", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text,
            "source": { "type": "string", "format": "uri-reference" },
            "type": { "const": name },
            "subject": text,
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "tenantid": text,
            "tenantseq": digits,
            "aggregatetype": text,
            "sequence": digits,
            "version": { "const": version },
            "correlationid": text,
            "causationid": text,
            "storeepoch": text,
            "data": {
                "type": "object",
                "required": [name],
                "properties": { name: schema },
                "additionalProperties": false,
            },
        },
    })
}

/// The document as YAML, as it is committed in `docs/asyncapi.yaml`.
pub fn yaml() -> String {
    let mut out = String::from("# Generated from the event catalogue: `./dev schema`. Do not edit.\n");
    write(&mut out, &document(), 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                indent(out, depth);
                out.push_str(&scalar(&Value::String(key.clone())));
                out.push(':');
                nested(out, value, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(out, depth);
                out.push('-');
                nested(out, item, depth + 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&scalar(value)),
    }
}

fn nested(out: &mut String, value: &Value, depth: usize) {
    let is_block = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_block {
        out.push('\n');
        write(out, value, depth);
    } else {
        out.push(' ');
        out.push_str(&scalar(value));
        out.push('\n');
    }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

/// A JSON scalar is a YAML scalar; only plain words go without quotes.
fn scalar(value: &Value) -> String {
    const RESERVED: [&str; 7] = ["true", "false", "null", "yes", "no", "on", "off"];
    match value {
        Value::String(text)
            if text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
                && !RESERVED.contains(&text.to_ascii_lowercase().as_str()) =>
        {
            text.clone()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_ASYNCAPI=1 cargo nextest run -p simpul-adapters asyncapi` writes the file.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of the test, not configuration"
    )]
    fn the_committed_document_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/asyncapi.yaml");
        if std::env::var("UPDATE_ASYNCAPI").is_ok() {
            std::fs::write(&path, yaml()).expect("docs/asyncapi.yaml is written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == yaml(),
            "docs/asyncapi.yaml is not what the event catalogue says: run ./dev schema"
        );
    }

    #[test]
    fn every_event_has_a_channel_whose_address_is_its_routing_key() {
        let document = document();
        let events = catalogue();
        assert_eq!(document["channels"].as_object().map(Map::len), Some(events.len()));
        for event in events {
            let address = &document["channels"][event.event_type]["address"];
            assert_eq!(*address, format!("tenant.{{tenantId}}.{}", event.event_type));
        }
    }

    #[test]
    fn yaml_quotes_what_is_not_a_plain_word() {
        let mut out = String::new();
        write(
            &mut out,
            &json!({ "a": "on", "b.c": ["x y", 1, {}], "$ref": "#/d" }),
            0,
        );
        assert_eq!(
            out,
            "\"$ref\": \"#/d\"\na: \"on\"\nb.c:\n  - \"x y\"\n  - 1\n  - {}\n"
        );
    }
}
