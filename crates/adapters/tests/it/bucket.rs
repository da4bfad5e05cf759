//! A bucket against a real S3 service: parts, ranges, pages of names, and what is not there.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;
use simpul_adapters::{
    backup::{Bucket, BucketSettings, Shelf},
    egress::{Egress, Hosts, Policy},
};
use tokio::{runtime::Handle, time::Instant};
use url::Url;

const PATIENCE: Duration = Duration::from_mins(1);

/// The service; it ends with this value.
struct Service {
    child: Child,
    endpoint: Url,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// moto, from the Python environment that `./dev` makes.
    async fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the environment that ./dev exports")]
        let python = std::env::var("SIMPUL_TEST_PYTHON");
        let python = PathBuf::from(python.expect("SIMPUL_TEST_PYTHON is not set: run `./dev up`"));
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let child = Command::new(python.with_file_name("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server runs: run `./dev up`");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the service does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let endpoint = Url::parse(&format!("http://127.0.0.1:{port}/")).expect("a URL");
        Self { child, endpoint }
    }

    fn bucket(&self, prefix: &str) -> Arc<dyn Shelf> {
        let egress =
            Egress::with(Policy::development(), Hosts::default(), Bucket::limits()).expect("a guard");
        let settings = BucketSettings {
            endpoint: self.endpoint.clone(),
            region: "us-east-1".to_owned(),
            bucket: "cadangan".to_owned(),
            prefix: prefix.to_owned(),
            path_style: true,
            access_key: "key".to_owned(),
            secret_key: SecretString::from("secret"),
        };
        Arc::new(Bucket::new(settings, egress, Handle::current()).expect("a bucket"))
    }

    /// Buckets are made by whoever owns the account.
    async fn make_bucket(&self) {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let url = self.endpoint.join("cadangan").expect("a URL");
        let put = egress.http().request(reqwest::Method::PUT, url).expect("allowed");
        assert!(put.send().await.expect("an answer").is_success());
    }
}

/// More than two parts, and no two pieces alike.
fn big() -> Vec<u8> {
    (0_u32..5_000_000).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_whole_files_of_any_size_under_its_prefix() {
    let service = Service::start().await;
    service.make_bucket().await;
    let (shelf, beside) = (service.bucket("simpul/"), service.bucket("other/"));
    tokio::task::spawn_blocking(move || {
        let put = |shelf: &Arc<dyn Shelf>, name: &str, bytes: &[u8]| {
            let mut draft = shelf.begin(name).expect("begun");
            draft.write_all(bytes).expect("written");
            draft.finish().expect("finished");
        };
        let get = |name: &str| {
            let mut bytes = Vec::new();
            shelf.open(name).map(|mut file| {
                file.read_to_end(&mut bytes).expect("read");
                bytes
            })
        };
        put(&shelf, "small", b"satu");
        put(&shelf, "big", &big());
        put(&beside, "small", b"dua");
        assert_eq!(get("small").expect("there"), b"satu");
        assert_eq!(get("big").expect("there"), big());
        assert_eq!(shelf.names().expect("listed"), ["big", "small"]);
        let mut abandoned = shelf.begin("half").expect("begun");
        abandoned.write_all(&big()).expect("written");
        drop(abandoned);
        assert_eq!(
            shelf.names().expect("listed"),
            ["big", "small"],
            "a part is no file"
        );
        let missing = get("none").map(|_| ()).map_err(|error| error.kind());
        assert_eq!(missing, Err(std::io::ErrorKind::NotFound));
        shelf.remove("big").expect("removed");
        shelf.remove("big").expect("removed already");
        assert_eq!(shelf.names().expect("listed"), ["small"]);
        assert_eq!(
            beside.names().expect("listed"),
            ["small"],
            "another prefix's is its own"
        );
    })
    .await
    .expect("the thread ends");
}
