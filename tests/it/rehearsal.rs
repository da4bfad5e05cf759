//! Backups that are looked after by themselves: the newest one is restored on trial, and whoever runs the platform is told
//! when one failed, is missing, or cannot be restored.

use std::process::{Child, Command, Stdio};

use simpul_domain::TenantId;
use simpul_testkit::{MailOptions, MailServer, MailTls};

use crate::{
    backup::{Place, change, errors},
    postgres,
};

const OWNER: &str = "pemilik@simpul.example";

/// Killed when the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn on_trial(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("SIMPUL_BACKUP__REHEARSAL_URL", &place.db.owner_url);
    command
}

fn scratch_databases(place: &Place) -> String {
    postgres::value(
        &place.db.superuser_url(),
        "SELECT count(*) FROM pg_database WHERE datname = current_database() || '_rehearsal'",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_is_missing_or_cannot_be_restored_reaches_whoever_runs_the_platform() {
    let place = Place::new().await;
    place.ok(&[
        "users",
        "invite",
        "--tenant",
        &TenantId::PLATFORM.to_string(),
        "--email",
        OWNER,
        "--name",
        "Sari",
    ]);
    // It was made hours ago.
    let own = place.command(&["backup", "make"]);
    let made = crate::world::below(&simpul_testkit::off_by("-3h"), &own)
        .args(["backup", "make"])
        .output()
        .expect("the binary runs");
    assert!(made.status.success(), "{}", errors(&made));
    let line: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let name = line["name"].as_str().expect("a name").to_owned();

    let tried = on_trial(&place, &["backup", "rehearse"])
        .output()
        .expect("the binary runs");
    assert!(tried.status.success(), "{}", errors(&tried));
    assert_eq!(place.news().await, ["made", "verified"]);
    change(&place.archive(&name), |bytes| bytes.reverse());
    let tried = on_trial(&place, &["backup", "rehearse"])
        .output()
        .expect("the binary runs");
    assert!(
        !tried.status.success() && errors(&tried).contains("its hash"),
        "{}",
        errors(&tried)
    );
    assert_eq!(place.news().await, ["made", "verified", "failed"]);
    assert_eq!(scratch_databases(&place), "0", "nothing is left of either");

    let mail = MailServer::start(MailOptions {
        tls: MailTls::StartTls,
        ..MailOptions::default()
    })
    .await;
    let server = on_trial(&place, &["serve", "--roles", "scheduler,worker"])
        .env("SIMPUL_EGRESS__MODE", "development")
        .env("SIMPUL_MAIL__HOST", "localhost")
        .env("SIMPUL_MAIL__PORT", mail.port().to_string())
        .env("SIMPUL_MAIL__FROM", "no-reply@simpul.example")
        .env("SIMPUL_MAIL__CA_FILE", mail.certificate())
        // A role that sees nothing: no backup can be made.
        .env(
            "SIMPUL_DATABASE__BACKUP_URL",
            place.db.owner_url.replacen("simpul_owner", "simpul_app", 1),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the server starts");
    let server = Server(server);
    mail.letter_to(OWNER, 2).await;
    drop(server);
    let reasons = place.sql(
        "SELECT string_agg(payload -> 'platform.backup.failed' ->> 'reason', E'\\n' ORDER BY tenant_seq) FROM es.events
         WHERE event_type = 'platform.backup.failed'",
    );
    for reason in ["its hash", "the newest backup is of", "permission denied"] {
        assert!(reasons.contains(reason), "{reason} in {reasons}");
    }
    assert_eq!(reasons.lines().count(), 3, "each is told once: {reasons}");
    assert!(
        mail.letters()
            .await
            .iter()
            .all(|letter| letter.to == OWNER && letter.encrypted)
    );
}
