//! One operator leaves an installation and arrives at another one, as whoever runs both meets it: two databases, two master
//! keys, one encrypted file.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use secrecy::ExposeSecret as _;
use serde_json::json;
use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts},
        surroundings::Surroundings,
    },
};
use simpul_adapters::backup::{Identity, open_lines};
use simpul_domain::TenantId;
use simpul_testkit::{TestDb, sql::Session};

use crate::world::{Way, World, binary};

const OTHER_KEY: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The other installation: empty, with a master key of its own.
struct Elsewhere {
    db: TestDb,
    folder: PathBuf,
}

impl Elsewhere {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .args(arguments)
            .current_dir(&self.folder)
            .env("SIMPUL_DATABASE__APP_URL", &self.db.app_url)
            .env("SIMPUL_DATABASE__SYSTEM_URL", &self.db.system_url)
            .env("SIMPUL_VAULT__MASTER_KEY", OTHER_KEY)
            .env("SIMPUL_BACKUP__IDENTITY_FILE", self.folder.join("identity"))
            .env("SIMPUL_LOG__FILTER", "warn")
            .output()
            .expect("the binary runs")
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Rows of every read model of a tenant, as text.
async fn read_models(url: &str, tenant: TenantId) -> Vec<String> {
    let mut admin = Session::open(url).await;
    let tables: Vec<String> = admin
        .column(
            "SELECT table_schema || '.' || table_name FROM information_schema.columns
             WHERE table_schema LIKE 'rm\\_%\\_v1' AND column_name = 'tenant_id' ORDER BY 1",
        )
        .await;
    let mut all = Vec::new();
    for table in tables {
        let rows: Vec<String> = admin
            .column(&format!(
                "SELECT '{table} ' || to_jsonb(t)::text FROM {table} t WHERE tenant_id = '{}' ORDER BY 1",
                tenant.as_uuid()
            ))
            .await;
        all.extend(rows);
    }
    all
}

fn lines(file: &Path, identity: &Identity) -> Vec<String> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut lines = Vec::new();
            while let Some(line) = receiver.blocking_recv() {
                lines.push(line);
            }
            lines
        });
        scope.spawn(move || {
            let file = File::open(file).expect("the file");
            open_lines(file, identity, &sender).expect("opened");
        });
        reading.join().expect("read")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_moves_to_another_installation_whole_and_alone() {
    let world = World::start(Way::Store).await;
    let other = Surroundings::start(&mut Config::default())
        .await
        .expect("another router");
    let accounts = Accounts::of(&other).expect("accounts");
    let stays = seed::operator(&world.bus, &accounts)
        .await
        .expect("another operator");
    world.confirmed("full", 1).await;
    world.overdue_invoice().await;
    world.confirmed("isolated", 1).await;
    world.settled().await;
    world.kill();

    let folder = tempfile::tempdir().expect("a folder");
    let identity = Identity::generate();
    fs::write(
        folder.path().join("identity"),
        identity.to_string().expose_secret(),
    )
    .expect("written");
    let (file, tenant) = (folder.path().join("operator.age"), world.operator.tenant);
    let (path, id) = (file.display().to_string(), tenant.to_string());
    let export = |tenant: &str| {
        let mut command = world.command();
        command
            .args(["tenant", "export", "--tenant", tenant, "--file", &path])
            .env(
                "SIMPUL_BACKUP__RECIPIENTS",
                format!("[\"{}\"]", identity.to_public()),
            );
        command.output().expect("the binary runs")
    };
    let nobody = export(&TenantId::new(uuid::Uuid::from_u128(4)).to_string());
    assert!(
        !nobody.status.success() && said(&nobody).contains("no such tenant"),
        "{}",
        said(&nobody)
    );
    assert!(!file.exists(), "nothing is left of an export that failed");
    let exported = export(&id);
    assert!(exported.status.success(), "{}", said(&exported));
    let again = export(&id);
    assert!(said(&again).contains("is there already"), "{}", said(&again));

    // Encrypted, and nobody else's.
    assert!(
        fs::read(&file)
            .expect("read")
            .starts_with(b"age-encryption.org/v1")
    );
    let text = lines(&file, &identity).concat();
    assert!(
        text.contains(&world.operator.subscription.as_uuid().to_string())
            || text.contains(&world.operator.subscription.to_string())
    );
    for foreign in [
        stays.tenant.as_uuid().to_string(),
        stays.tenant.to_string(),
        stays.subscription.to_string(),
        stays.owner.to_string(),
    ] {
        assert!(!text.contains(&foreign), "{foreign} is of somebody else");
    }

    let elsewhere = Elsewhere {
        db: TestDb::create().await,
        folder: folder.path().to_owned(),
    };
    let imported = elsewhere.run(&["tenant", "import", "--file", &path]);
    assert!(imported.status.success(), "{}", said(&imported));
    let before = read_models(&world.db.superuser_url(), tenant).await;
    let after = read_models(&elsewhere.db.superuser_url(), tenant).await;
    assert!(before.len() > 10, "{before:?}");
    assert_eq!(after, before, "every read model says the same");
    let verified = elsewhere.run(&["audit", "verify", "--tenant", &id]);
    assert!(verified.status.success(), "{}", said(&verified));
    let mut admin = Session::open(&elsewhere.db.superuser_url()).await;
    let tenants: Vec<String> = admin.column("SELECT tenant_id::text FROM es.tenant_heads").await;
    assert_eq!(tenants, [tenant.as_uuid().to_string()]);
    let waiting: Vec<String> = admin
        .column("SELECT outbox_id::text FROM es.outbox WHERE state IN ('waiting', 'sending')")
        .await;
    assert_eq!(json!(waiting), json!([]), "nothing goes out from both");

    let again = elsewhere.run(&["tenant", "import", "--file", &path]);
    assert!(
        !again.status.success() && said(&again).contains("is here already"),
        "{}",
        said(&again)
    );
    // Another key opens nothing, and half a file is none.
    fs::write(
        folder.path().join("identity"),
        Identity::generate().to_string().expose_secret(),
    )
    .expect("written");
    let stranger = elsewhere.run(&["tenant", "import", "--file", &path]);
    assert!(
        said(&stranger).contains("cannot be decrypted"),
        "{}",
        said(&stranger)
    );
}
