//! What refusing costs: less than a quarter of a second of one processor for each request (`facts/graphql.md` section
//! 1), and no memory that stays.
//!
//! CPU time is that of the one thread on which everything here runs, so that a busy machine does not count; the wall
//! clock is looked at by `./dev bench graphql`. Memory is what the kernel says was the most at a time, asked anew.

use std::{fs, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::Request,
};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;
use simpul_api::{
    Settings,
    budget::{Limits, Rate},
};

use super::{documents, request};
use crate::front::Front;

const LIMIT: Duration = Duration::from_millis(250);
/// What else runs on the thread, such as read models that look for work, does so in one try and not in all.
const TRIES: usize = 3;
/// Most that refusing any of them may hold at a time.
const MEMORY_KIB: u64 = 48 * 1024;

type Make = Box<dyn Fn(&Front) -> Request<Body>>;

fn json_body(name: &str, body: String) -> (String, Make) {
    let body = Bytes::from(body);
    let make =
        move |front: &Front| request(front, "POST", "/graphql", "application/json", body.clone().into());
    (name.to_owned(), Box::new(make))
}

fn requests() -> Vec<(String, Make)> {
    let mut all: Vec<(String, Make)> = Vec::new();
    for (document, _) in documents::all() {
        let body = json!({ "query": document }).to_string();
        all.push(json_body(&format!("{document:.40}"), body.clone()));
        // The same as the beginning of a stream.
        let body = Bytes::from(body);
        let name = format!("stream {document:.40}");
        let make = move |front: &Front| {
            request(
                front,
                "POST",
                "/graphql/stream",
                "application/json",
                body.clone().into(),
            )
        };
        all.push((name, Box::new(make)));
    }
    let fill = |part: &str, around: (&str, &str)| {
        let times = (1_048_000 - around.0.len() - around.1.len()) / part.len();
        format!("{}{}{}", around.0, part.repeat(times), around.1)
    };
    let variables = |open: &str, close: &str| {
        let before = format!(r#"{{"query":"{{__typename}}","variables":{{"x":{open}"#);
        (before, format!("{close}}}}}"))
    };
    for (name, part, open, close) in [
        ("a long list", "0,", "[", "0]"),
        ("many lists", "[],", "[", "0]"),
        ("many objects", r#"{"":0},"#, "[", "0]"),
        ("many keys", r#""a":{},"#, "{", r#""b":0}"#),
        ("a long text", "x", "\"", "\""),
        ("escapes", "\\u0000", "\"", "\""),
        ("deep", "[", "", ""),
    ] {
        let (before, after) = variables(open, close);
        all.push(json_body(
            &format!("variables: {name}"),
            fill(part, (&before, &after)),
        ));
    }
    let unknown = r#"{"query":"{__typename}","variables":{"x":"#;
    all.push(json_body("a number", fill("9", (unknown, "}}"))));
    all.push(json_body("a batch", fill(r#"{"query":"{a}"},"#, ("[", "{}]"))));
    all.push(json_body(
        "unknown keys",
        fill(r#""a":[{"":0}],"#, ("{", r#""query":"{"}"#)),
    ));
    all.push(json_body("too large", fill("  ", ("  ", &" ".repeat(100_000)))));
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let body = Bytes::from(fill("x", ("{", "}")));
        let make = move |front: &Front| request(front, "POST", "/graphql", content_type, body.clone().into());
        all.push((content_type.to_owned(), Box::new(make)));
    }
    // Ten zeros of a gibibyte fit into a body that is allowed; it is not looked into.
    let zipped = |front: &Front| {
        let body = Body::from(vec![0x1f; 1024 * 1024]);
        let mut request = request(front, "POST", "/graphql", "application/json", body);
        let encoding = "gzip".parse().expect("value");
        request.headers_mut().insert("content-encoding", encoding);
        request
    };
    all.push(("a compressed body".to_owned(), Box::new(zipped)));
    let long = format!("/graphql?query={}", "%7B".repeat(20_000));
    let by_get = move |front: &Front| request(front, "GET", &long, "", Body::empty());
    all.push(("a long query string".to_owned(), Box::new(by_get)));
    all
}

/// The status, and all that is said.
async fn refused(front: &Front, request: Request<Body>) -> (u16, String) {
    let response = front.send(request).await;
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("an end");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

/// CPU time of this thread so far.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("Linux")
        .into()
}

/// A number of this process' status, in KiB.
fn status_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name)).expect(name);
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

// One thread: what is awaited below runs here and nowhere else.
#[tokio::test]
async fn each_is_refused_within_a_quarter_of_a_second_of_one_processor_and_leaves_nothing() {
    // Nobody is refused for asking often.
    let plenty = Rate {
        capacity: 1_000_000,
        per_minute: 1_000_000,
    };
    let limits = Limits {
        user_requests: plenty,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let front = Front::with_settings(settings).await;
    // What is made once is made before.
    for (_, make) in requests().iter().take(3) {
        refused(&front, make(&front)).await;
    }
    let resting = status_kib("VmRSS");
    for (name, make) in requests() {
        let mut least = Duration::MAX;
        for _ in 0..TRIES {
            let request = make(&front);
            // Forgets what was the most before (proc(5)).
            fs::write("/proc/self/clear_refs", "5").expect("Linux");
            let (held, before) = (status_kib("VmRSS"), cpu());
            let (status, answer) = refused(&front, request).await;
            least = least.min(cpu().saturating_sub(before));
            assert!(
                answer.contains("\"errors\"") && !answer.contains("\"data\""),
                "{name}: {answer:.200}"
            );
            // A stream that is refused is a stream of that.
            let refused = (400..500).contains(&status) || (status == 200 && name.starts_with("stream"));
            assert!(refused && status != 429, "{name}: {status} {answer:.200}");
            let peak = status_kib("VmHWM").saturating_sub(held);
            assert!(peak < MEMORY_KIB, "{name} holds {peak} KiB");
            if least < LIMIT {
                break;
            }
        }
        assert!(least < LIMIT, "{name} takes {least:?}");
    }
    let grown = status_kib("VmRSS").saturating_sub(resting);
    assert!(grown < MEMORY_KIB, "{grown} KiB are left of refusals");
}
