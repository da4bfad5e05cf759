//! Names below the platform's domain that no operator is given: the platform's own, present or to come, those that
//! mail, browsers and networks look up by themselves, and those under which a customer would type a password or pay.
//!
//! Only commands that choose a subdomain ask. One that is stored keeps what it has.

use super::Subdomain;

/// In order, so that a name is found by halves.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "accounts",
    "acs",
    "admin",
    "administrator",
    "akun",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "backup",
    "bank",
    "bantuan",
    "bayar",
    "beta",
    "billing",
    "blog",
    "callback",
    "cdn",
    "checkout",
    "console",
    "cwmp",
    "daftar",
    "dashboard",
    "database",
    "demo",
    "dev",
    "dns",
    "docs",
    "email",
    "files",
    "forum",
    "freeradius",
    "ftp",
    "gateway",
    "genieacs",
    "grafana",
    "graphql",
    "health",
    "help",
    "hooks",
    "hostmaster",
    "images",
    "imap",
    "internal",
    "intranet",
    "invoice",
    "invoices",
    "isatap",
    "legal",
    "localhost",
    "login",
    "logout",
    "logs",
    "mail",
    "mailer",
    "masuk",
    "media",
    "metrics",
    "monitor",
    "monitoring",
    "mx1",
    "mx2",
    "news",
    "noreply",
    "ns1",
    "ns2",
    "ns3",
    "ns4",
    "oauth",
    "oidc",
    "panel",
    "password",
    "pay",
    "payment",
    "payments",
    "pembayaran",
    "platform",
    "pop",
    "pop3",
    "portal",
    "postgres",
    "postmaster",
    "privacy",
    "private",
    "prometheus",
    "proxy",
    "public",
    "rabbitmq",
    "radius",
    "register",
    "root",
    "sandbox",
    "secure",
    "security",
    "server",
    "sftp",
    "signin",
    "signup",
    "simpul",
    "smtp",
    "ssh",
    "sso",
    "staging",
    "static",
    "status",
    "superadmin",
    "support",
    "system",
    "tagihan",
    "test",
    "testing",
    "tr069",
    "vpn",
    "webhook",
    "webhooks",
    "webmail",
    "webmaster",
    "wpad",
    "www",
    "www1",
    "www2",
];

impl Subdomain {
    /// Whether the platform keeps it for itself.
    pub fn is_reserved(&self) -> bool {
        RESERVED.binary_search(&self.as_str()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_platform_are_reserved_and_those_of_operators_are_not() {
        let table = [
            ("www", true),
            ("admin", true),
            ("login", true),
            ("radius", true),
            ("tr069", true),
            ("autodiscover", true),
            ("tagihan", true),
            ("simpul", true),
            ("wifi-maju", false),
            ("admin-net", false),
            ("wwwarnet", false),
            ("operator", false),
        ];
        for (name, reserved) in table {
            let subdomain = Subdomain::parse(name).expect("a subdomain");
            assert_eq!(subdomain.is_reserved(), reserved, "{name}");
        }
    }

    #[test]
    fn the_list_is_in_order_and_has_nothing_that_could_not_be_asked_for() {
        assert!(RESERVED.is_sorted_by(|one, next| one < next));
        for name in RESERVED {
            assert!(
                Subdomain::parse(name).is_ok_and(|name| name.is_reserved()),
                "{name}"
            );
        }
    }
}
