//! Prints the story.

use std::fmt::Write as _;

use serde_json::Value;

use super::story::Told;
use crate::commands::say;

pub(super) fn print(told: &Told) {
    say(format_args!(
        "\nThe main job, operator {}\n",
        told.operator.tenant
    ));
    say("  after notice  what happened                                  event");
    for step in &told.steps {
        let after_ms = (step.event.recorded_at - told.notice_at).num_milliseconds();
        let when = if after_ms >= 0 {
            format!("+{after_ms} ms")
        } else {
            String::new()
        };
        say(format_args!(
            "  {when:>12}  {:<45}  {} #{}",
            step.what, step.event.event_type, step.event.tenant_seq
        ));
    }
    say("\nThe router says");
    for (what, value) in &told.router {
        say(format_args!("  {what}: {value}"));
    }
    say("\nThe customer read on WhatsApp");
    for message in &told.messages {
        say(format_args!(
            "  {}",
            message
                .lines()
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join(" / ")
        ));
    }
    say("\nWhy? (one query: explain)");
    let first = told
        .explanation
        .iter()
        .filter_map(|step| step["depth"].as_i64())
        .min()
        .unwrap_or_default();
    for step in &told.explanation {
        say(explained(step, first));
    }
    say(format_args!(
        "\nHash chain verified over {} events, head {}",
        told.chain.seq,
        hex::encode(told.chain.head)
    ));
    for problem in &told.missing {
        say(format_args!("PROBLEM: {problem}"));
    }
}

/// One step, indented by how far it is from the first cause.
fn explained(step: &Value, first: i64) -> String {
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let depth = step["depth"].as_i64().unwrap_or_default();
    let indent = usize::try_from(depth - first).unwrap_or_default();
    let mut line = format!("  #{:<4} {:indent$}{}", text("position"), "", text("eventType"));
    if !text("causedBy").is_empty() {
        let _ = write!(line, "  because of {}", text("causedBy"));
    }
    let _ = write!(line, "  by {}", text("actor"));
    line
}
