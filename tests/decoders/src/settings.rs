//! The configuration file: what a tired person types at night.

use simpul::config::Config;

/// A sentence that no error may repeat.
const SECRET: &str = "kata-sandi-yang-sangat-rahasia";

/// What can be read is asked for everything that needs no file of its own; what cannot is refused with a reason.
pub(crate) fn configurations(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Config::from_toml(text) {
        Ok(config) => usable(&config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // The same under a secret that is well placed: whatever is wrong elsewhere, it is not said.
    let with_secret =
        format!("database.url = \"postgres://simpul_owner:{SECRET}@db.example/simpul\"\n{text}");
    if let Ok(config) = Config::from_toml(&with_secret) {
        usable(&config);
        assert!(!format!("{config:?}").contains(SECRET));
    }
}

fn usable(config: &Config) {
    let said = [
        config.db().err(),
        config.owner_url().err(),
        config.backup_url().err(),
        config.backup_recipients().err(),
        config.password_algorithm().err(),
        config.identity_settings().err(),
    ];
    for error in said.iter().flatten() {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    let keep = config.backup_retention();
    assert!(keep.all_for > chrono::TimeDelta::zero());
}
