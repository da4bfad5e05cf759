//! A name server of the test's own, on loopback.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its server must stop, saying why"
)]

use std::{
    io::{BufRead as _, BufReader},
    net::{IpAddr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// `tests/conformance/dns_server.py` with its zone.
#[derive(Debug)]
pub struct NameServer {
    home: TempDir,
    zone: Map<String, Value>,
    process: Child,
    address: SocketAddr,
}

impl NameServer {
    /// Starts one that knows no name.
    pub fn start() -> Self {
        let home = TempDir::new().expect("a directory");
        let file = home.path().join("zone.json");
        std::fs::write(&file, "{}").expect("written");
        #[expect(
            clippy::disallowed_methods,
            reason = "the interpreter that ./dev has prepared"
        )]
        let python =
            std::env::var("SIMPUL_TEST_PYTHON").expect("run `./dev up` and `eval \"$(./dev env)\"` first");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/dns_server.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the name server starts");
        let mut port = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut port).expect("its port");
        let port: u16 = port.trim().parse().expect("a port");
        Self {
            home,
            zone: Map::new(),
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the name has these texts.
    pub fn says(&mut self, name: &str, texts: &[&str]) {
        self.set(name, texts.into());
    }

    /// From now on the server is in trouble when it is asked for the name (SERVFAIL).
    pub fn fails(&mut self, name: &str) {
        self.set(name, Value::Null);
    }

    /// From now on the name has this address.
    pub fn leads(&mut self, name: &str, to: IpAddr) {
        self.set(name, json!({ "a": [to.to_string()] }));
    }

    /// From now on nobody answers for the name. `*.example` is every name below it that has no answer of its own.
    pub fn is_silent(&mut self, name: &str) {
        self.set(name, "silence".into());
    }

    fn set(&mut self, name: &str, texts: Value) {
        self.zone.insert(name.to_owned(), texts);
        let file = self.home.path().join("zone.json");
        // Written aside and moved: a question in between reads one whole zone.
        let next = file.with_extension("next");
        let text = Value::Object(self.zone.clone()).to_string();
        std::fs::write(&next, text).expect("written");
        std::fs::rename(next, file).expect("moved");
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // It is gone already if this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
