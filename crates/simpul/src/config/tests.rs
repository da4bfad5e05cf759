//! What is refused before anything starts.

use secrecy::{ExposeSecret as _, SecretString};
use simpul_api::ProxyHeader;
use simpul_app::identity::password::Algorithm;

use super::*;

#[test]
fn the_defaults_need_only_urls_and_keys() {
    let config = Config::default();
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.egress.mode, EgressMode::Production);
    assert_eq!(config.retention.idle_commands_days.get(), 30);
    assert!(matches!(
        config.db(),
        Err(ConfigError::Missing {
            key: "database.app_url",
            ..
        })
    ));
    assert!(matches!(config.master_key(), Err(ConfigError::Missing { .. })));
}

#[test]
fn one_url_is_enough_and_a_role_s_own_wins() {
    let mut config = Config::default();
    assert!(!config.database.is_given());
    config.database.url = Some(SecretString::from("postgres://simpul_owner:x@db.example/simpul"));
    config.database.system_url = Some(SecretString::from("postgres://other@db.example/simpul"));
    let db = config.db().expect("enough");
    assert_eq!(
        db.app_url.expose_secret(),
        "postgres://simpul_app:x@db.example/simpul"
    );
    assert_eq!(
        db.system_url.expose_secret(),
        "postgres://other@db.example/simpul"
    );
    assert!(config.owner_url().is_ok() && config.database.is_given());
}

#[test]
fn passwords_cost_what_the_specification_asks_for_unless_in_development() {
    let mut config = Config::default();
    assert_eq!(
        config.password_algorithm().ok(),
        Some(Algorithm::Bcrypt { cost: 12 })
    );
    config.identity.bcrypt_cost = 4;
    assert!(config.password_algorithm().is_err());
    config.egress.mode = EgressMode::Development;
    assert_eq!(
        config.password_algorithm().ok(),
        Some(Algorithm::Bcrypt { cost: 4 })
    );
    config.identity.session_days = 31;
    assert!(config.identity_settings().is_err());
}

#[test]
fn a_key_that_nobody_knows_is_refused() {
    let error = Config::from_toml("[http]\nlisen = \"127.0.0.1:1\"\n").expect_err("a typing error");
    let ConfigError::Read(cause) = error else {
        panic!("{error}")
    };
    assert!(cause.to_string().contains("lisen"), "{cause}");
}

#[test]
fn proxies_are_networks_and_one_header() {
    let read = |text: &str| Config::from_toml(text).ok();
    let config = read("[http.proxies]\nnetworks = [\"10.0.0.0/8\", \"fd00::/8\"]\nheader = \"forwarded\"\n");
    let proxies = config.expect("readable").http.proxies;
    assert_eq!(
        (proxies.networks.len(), proxies.header),
        (2, ProxyHeader::Forwarded)
    );
    for wrong in [
        "networks = [\"10.0.0.1\"]",
        "networks = [\"10.0.0.0/33\"]",
        "header = \"x-real-ip\"",
    ] {
        let text = format!("[http.proxies]\n{wrong}\n");
        assert!(read(&text).is_none(), "{wrong}");
    }
}

#[test]
fn a_retention_of_no_days_and_a_projection_without_shards_are_refused() {
    for text in [
        "[retention]\nidle_commands_days = 0\n",
        "[projector]\nshards = 0\n",
    ] {
        Config::from_toml(text).expect_err("none is not some");
    }
}

#[test]
fn a_manifest_that_cannot_be_trusted_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("documents.json");
    let mut config = Config::default();
    config.http.documents.portal = vec![path.clone()];
    assert!(matches!(config.door(), Err(ConfigError::File { .. })));
    std::fs::write(&path, r#"{"sha256:00": "{viewer{user{id}}}"}"#).expect("written");
    assert!(matches!(
        config.door(),
        Err(ConfigError::Invalid {
            key: "http.documents.portal",
            ..
        })
    ));
}

#[test]
fn a_short_master_key_is_refused() {
    let mut config = Config::default();
    config.vault.master_key = Some(SecretString::from("abcd"));
    assert!(matches!(
        config.master_key(),
        Err(ConfigError::Invalid {
            key: "vault.master_key",
            ..
        })
    ));
}

#[test]
fn a_mail_server_needs_a_sender_and_an_end_to_its_patience() {
    let mut config = Config::default();
    assert!(config.smtp().expect("none is fine").is_none());
    config.mail.host = Some("mail.example".to_owned());
    assert!(matches!(
        config.smtp(),
        Err(ConfigError::Missing { key: "mail.from", .. })
    ));
    config.mail.from = Some("no-reply@simpul.example".to_owned());
    let smtp = config.smtp().expect("usable").expect("a server");
    assert_eq!((smtp.port, smtp.credentials.is_some()), (587, false));
    config.mail.timeout_s = NonZeroU16::new(41).expect("not zero");
    assert!(matches!(
        config.smtp(),
        Err(ConfigError::Invalid {
            key: "mail.timeout_s",
            ..
        })
    ));
}

#[test]
fn accounting_is_taken_only_with_a_token_that_nobody_guesses() {
    let mut config = Config::default();
    assert!(config.radius().expect("usable").is_none());
    config.radius.token = Some(SecretString::from("short"));
    assert!(config.radius().is_err());
    config.radius.token = Some(SecretString::from("x".repeat(32)));
    assert!(config.radius().expect("usable").is_some());
    config.radius.interim_seconds = 5;
    assert!(config.radius().is_err());
}
