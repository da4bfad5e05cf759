//! A FreeRADIUS of the test's own, with the configuration of `docker/freeradius`.
#![expect(
    clippy::expect_used,
    reason = "a test without its FreeRADIUS must stop, saying why"
)]

use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use simpul_domain::{RouterId, TenantId};
use tempfile::TempDir;

/// It takes accounting from routers on loopback; dropping it kills it.
#[derive(Debug)]
pub struct FreeRadius {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        // Best effort: it may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FreeRadius {
    /// Between it and its routers.
    pub const SECRET: &str = "testing-between-routers-and-radius";

    /// Starts one that tells a server at `backend`, which may come later, in the zone that its operators live in. Each
    /// router has a source address.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn start(backend: &str, token: &str, routers: &[(&str, TenantId, RouterId)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (raddb, state) = (folder.path().join("raddb"), folder.path().join("state"));
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker/freeradius"),
            &raddb,
        );
        fs::create_dir_all(state.join("spool")).expect("a folder");
        let clients: String = routers.iter().copied().map(client).collect();
        fs::write(raddb.join("clients.d/test.conf"), clients).expect("clients");
        let free = UdpSocket::bind(("127.0.0.1", 0)).expect("a port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let child = Command::new("freeradius")
            .arg("-f")
            .arg("-d")
            .arg(&raddb)
            .env("RADIUS_CONFDIR", &raddb)
            .env("RADIUS_LIBDIR", libraries())
            .env("RADIUS_STATE", &state)
            .env("RADIUS_LISTEN", "127.0.0.1")
            .env("RADIUS_PORT", port.to_string())
            .env("RADIUS_BACKEND", backend.trim_end_matches('/'))
            .env("RADIUS_TOKEN", token)
            .env("TZ", "Asia/Jakarta")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("freeradius is installed: ./dev install");
        Self { folder, port, child }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("state/radius.log")).unwrap_or_default()
    }

    pub fn is_up(&self) -> bool {
        self.log().contains("Ready to process requests")
    }

    /// What waits in the spool, in bytes.
    ///
    /// # Panics
    /// When somebody has taken its folder away.
    pub fn spooled(&self) -> u64 {
        let files = fs::read_dir(self.folder.path().join("state/spool")).expect("a folder");
        files
            .map(|file| file.expect("a file").metadata().map_or(0, |file| file.len()))
            .sum()
    }
}

fn client((address, tenant, router): (&str, TenantId, RouterId)) -> String {
    format!(
        "client {address} {{\n\tipaddr = {address}\n\tsecret = {}\n\tshortname = {}/{}\n}}\n",
        FreeRadius::SECRET,
        tenant.as_uuid(),
        router.as_uuid()
    )
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copied");
        }
    }
}

/// Debian keeps it below the machine's own word for itself on some releases.
fn libraries() -> PathBuf {
    let found = ["/usr/lib/freeradius", "/usr/lib/x86_64-linux-gnu/freeradius"]
        .iter()
        .map(PathBuf::from)
        .find(|folder| folder.join("rlm_rest.so").exists());
    found.expect("freeradius-rest is installed: ./dev install")
}
