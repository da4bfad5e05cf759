//! The document.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    sources::{Found, Measured, number},
    targets,
};

/// The whole text.
pub(crate) fn write(measured: &Measured) -> String {
    let mut out = String::from(
        "# Numbers\n\nWritten by `./dev numbers` from what was measured; not by hand. Peer and product run in turns on one machine, with\n\
         fsync on. A ratio is the median over pairs of neighbouring turns, hence not quite that of the two medians beside it. A figure that\n\
         ends in `(limit)` has the limit in place of a peer.\n\n",
    );
    machine(&mut out, measured);
    promised(&mut out, measured);
    benches(&mut out, measured);
    faults(&mut out, measured);
    mutants(&mut out, measured);
    out
}

/// Machines of one name differ by three times; what the plainest peer did tells how fast this one was.
fn machine(out: &mut String, measured: &Measured) {
    let _ = write!(out, "Machine: {}", measured.machine);
    let append = measured.benches.get("append");
    let bare = append.and_then(|bench| bench.what.iter().find(|line| line.name.contains("bare INSERT")));
    if let Some(bare) = bare {
        let _ = write!(
            out,
            "; a bare `INSERT … UNNEST` of four writers stored {} {} on it",
            number(bare.peer),
            bare.unit
        );
    }
    out.push_str(".\n\n");
}

fn promised(out: &mut String, measured: &Measured) {
    out.push_str("## What was promised\n\n| what | target | measured | peer or limit | met | command | on |\n|---|---|---|---|---|---|---|\n");
    for target in targets::ALL {
        let row = match measured.find(target.figures) {
            Some(found) => row(&found),
            None => "not measured |  |  |  |  |".to_owned(),
        };
        let _ = writeln!(out, "| {} | {} | {row}", target.what, target.wanted);
    }
}

fn row(found: &Found) -> String {
    format!(
        "{} | {} | {} | {} | {} |",
        found.measured,
        found.peer,
        if found.met { "yes" } else { "**no**" },
        found.command,
        found.on
    )
}

fn benches(out: &mut String, measured: &Measured) {
    out.push_str("\n## Every measurement\n\n| command | figure | ours | peer or limit | unit | ratio | on |\n|---|---|---|---|---|---|---|\n");
    for (name, bench) in &measured.benches {
        for line in &bench.what {
            let _ = writeln!(
                out,
                "| `./dev bench {name}` | {} | {} | {} | {} | {:.2} | {} |",
                line.name.trim().replace('|', "/"),
                number(line.ours),
                number(line.peer),
                line.unit,
                line.ratio,
                bench.on
            );
        }
    }
}

fn faults(out: &mut String, measured: &Measured) {
    out.push_str("\n## Faults\n\n| fault | shown by | successes | lost | twice | recovery, ms | on |\n|---|---|---|---|---|---|---|\n");
    for (name, fault) in &measured.faults {
        let (what, verdict) = (&fault.what, &fault.what["verdict"]);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            what["fault"].as_str().unwrap_or(name),
            what["test"].as_str().unwrap_or_default(),
            count(&verdict["successes"]),
            count(&verdict["lost"]),
            count(&verdict["twice"]),
            count(&what["recovery_ms"]),
            fault.on
        );
    }
    if let Some(drill) = &measured.drill {
        let what = &drill.what;
        let milliseconds = what["rto_seconds"].as_f64().unwrap_or_default() * 1_000.0;
        let _ = writeln!(
            out,
            "| R31 | `./dev drill`: {} events lost with the database, {} payment found again, {} messages held | 1 | 0 | {} | {milliseconds:.0} | {} |",
            count(&what["events_lost"]),
            count(&what["payments_found"]),
            count(&what["messages_held"]),
            count(&what["messages_sent_twice"]),
            drill.on
        );
    }
}

/// A number, or the length of a list.
fn count(value: &Value) -> String {
    match value {
        Value::Array(all) => all.len().to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn mutants(out: &mut String, measured: &Measured) {
    out.push_str("\n## Planted bugs\n\n");
    let Some(mutants) = &measured.mutants else {
        out.push_str("Not measured: `./dev mutants`.\n");
        return;
    };
    let killed = |line: &&Value| {
        let text = line["verdict"].to_string();
        text.to_lowercase().contains("killed")
    };
    let count = mutants.what.iter().filter(killed).count();
    let _ = writeln!(
        out,
        "{count} of {} killed by a test (`./dev mutants`, {}).",
        mutants.what.len(),
        mutants.on
    );
    for line in mutants.what.iter().filter(|line| !killed(line)) {
        let _ = writeln!(out, "- alive: {} ({})", line["mutant"], line["breaks"]);
    }
}
