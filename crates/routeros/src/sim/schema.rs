//! Which menus the simulated router has, what their rows may hold, and what must be unique.

/// What a property accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Printed as `true`/`false`.
    Flag,
    /// Printed as `yes`/`no`.
    YesNo,
    Choice(&'static [&'static str]),
    Integer,
    Duration,
    RateLimit,
    RatePair,
    /// An address, a network, or a name that the router would resolve.
    Host,
    Address,
    /// An address or the name of a pool.
    AddressOrPool,
    Ranges,
    /// The name of a row in another menu.
    Reference(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Rows come and go.
    Table,
    /// One row that can be changed.
    Single,
    /// Made by the router; rows can at most be removed.
    Live { removable: bool },
}

#[derive(Debug)]
pub(super) struct Menu {
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    pub(super) fields: &'static [Field],
    /// Properties that together are unique; none for menus without keys.
    pub(super) unique: &'static [&'static str],
    pub(super) required: &'static [&'static str],
    pub(super) conflict: &'static str,
}

const fn field(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { name, kind, default }
}

const COMMENT: Field = field("comment", Kind::Text, "");
const DISABLED: Field = field("disabled", Kind::Flag, "false");

pub(super) const ADDRESS_LIST: &str = "/ip/firewall/address-list";
pub(super) const POOL: &str = "/ip/pool";
pub(super) const PPP_ACTIVE: &str = "/ppp/active";
pub(super) const PPP_PROFILE: &str = "/ppp/profile";
pub(super) const PPP_SECRET: &str = "/ppp/secret";
pub(super) const RESOURCE: &str = "/system/resource";
pub(super) const ROUTERBOARD: &str = "/system/routerboard";
pub(super) const LICENSE: &str = "/system/license";
pub(super) const IDENTITY: &str = "/system/identity";
pub(super) const USER_ACTIVE: &str = "/user/active";
pub(super) const INTERFACE: &str = "/interface";

const SERVICES: Kind = Kind::Choice(&["any", "async", "l2tp", "ovpn", "pppoe", "pptp", "sstp"]);

const SECRET_FIELDS: &[Field] = &[
    field("name", Kind::Text, ""),
    field("password", Kind::Text, ""),
    field("service", SERVICES, "any"),
    field("profile", Kind::Reference(PPP_PROFILE), "default"),
    field("remote-address", Kind::AddressOrPool, ""),
    field("local-address", Kind::AddressOrPool, ""),
    field("caller-id", Kind::Text, ""),
    field("routes", Kind::Text, ""),
    field("limit-bytes-in", Kind::Integer, "0"),
    field("limit-bytes-out", Kind::Integer, "0"),
    COMMENT,
    DISABLED,
];

const PROFILE_FIELDS: &[Field] = &[
    field("name", Kind::Text, ""),
    field("local-address", Kind::AddressOrPool, ""),
    field("remote-address", Kind::AddressOrPool, ""),
    field("rate-limit", Kind::RateLimit, ""),
    field("only-one", Kind::Choice(&["default", "yes", "no"]), "default"),
    field("dns-server", Kind::Text, ""),
    field("address-list", Kind::Text, ""),
    field("session-timeout", Kind::Duration, ""),
    field("idle-timeout", Kind::Duration, ""),
    field("incoming-filter", Kind::Text, ""),
    field("outgoing-filter", Kind::Text, ""),
    field("parent-queue", Kind::Text, ""),
    field("queue-type", Kind::Text, ""),
    field("insert-queue-before", Kind::Text, ""),
    field(
        "change-tcp-mss",
        Kind::Choice(&["default", "yes", "no"]),
        "default",
    ),
    field(
        "use-encryption",
        Kind::Choice(&["default", "yes", "no", "required"]),
        "default",
    ),
    field("on-up", Kind::Text, ""),
    field("on-down", Kind::Text, ""),
    COMMENT,
];

const RULE_FIELDS: &[Field] = &[
    field("chain", Kind::Text, ""),
    field("action", Kind::Text, "accept"),
    field("src-address", Kind::Text, ""),
    field("dst-address", Kind::Text, ""),
    field("src-address-list", Kind::Text, ""),
    field("dst-address-list", Kind::Text, ""),
    field("protocol", Kind::Text, ""),
    field("dst-port", Kind::Text, ""),
    field("src-port", Kind::Text, ""),
    field("in-interface", Kind::Text, ""),
    field("connection-state", Kind::Text, ""),
    field("reject-with", Kind::Text, ""),
    field("to-addresses", Kind::Text, ""),
    field("to-ports", Kind::Text, ""),
    COMMENT,
    DISABLED,
];

const HOTSPOT_USER_FIELDS: &[Field] = &[
    field("server", Kind::Text, "all"),
    field("name", Kind::Text, ""),
    field("password", Kind::Text, ""),
    field("profile", Kind::Reference("/ip/hotspot/user/profile"), "default"),
    field("limit-uptime", Kind::Duration, ""),
    field("limit-bytes-total", Kind::Integer, ""),
    field("limit-bytes-in", Kind::Integer, ""),
    field("limit-bytes-out", Kind::Integer, ""),
    field("address", Kind::Address, ""),
    field("mac-address", Kind::Text, ""),
    field("email", Kind::Text, ""),
    COMMENT,
    DISABLED,
];

const HOTSPOT_PROFILE_FIELDS: &[Field] = &[
    field("name", Kind::Text, ""),
    field("address-pool", Kind::Text, "none"),
    field("rate-limit", Kind::RateLimit, ""),
    field("shared-users", Kind::Integer, "1"),
    field("session-timeout", Kind::Duration, ""),
    field("idle-timeout", Kind::Text, "none"),
    field("keepalive-timeout", Kind::Duration, "2m"),
    field("status-autorefresh", Kind::Duration, "1m"),
    field("add-mac-cookie", Kind::YesNo, "yes"),
    field("mac-cookie-timeout", Kind::Duration, "3d"),
    field("address-list", Kind::Text, ""),
    field("parent-queue", Kind::Text, "none"),
    field("on-login", Kind::Text, ""),
    field("on-logout", Kind::Text, ""),
    COMMENT,
];

const QUEUE_FIELDS: &[Field] = &[
    field("name", Kind::Text, ""),
    field("target", Kind::Text, ""),
    field("max-limit", Kind::RatePair, "0/0"),
    field("limit-at", Kind::RatePair, "0/0"),
    field("burst-limit", Kind::RatePair, "0/0"),
    field("burst-threshold", Kind::RatePair, "0/0"),
    field("burst-time", Kind::Text, "0s/0s"),
    field("priority", Kind::Text, "8/8"),
    field("parent", Kind::Text, "none"),
    field("queue", Kind::Text, "default-small/default-small"),
    field("packet-marks", Kind::Text, ""),
    COMMENT,
    DISABLED,
];

const RADIUS_FIELDS: &[Field] = &[
    field("service", Kind::Text, ""),
    field("address", Kind::Address, ""),
    field("secret", Kind::Text, ""),
    field("authentication-port", Kind::Integer, "1812"),
    field("accounting-port", Kind::Integer, "1813"),
    field("timeout", Kind::Duration, "300ms"),
    field("src-address", Kind::Address, ""),
    field("realm", Kind::Text, ""),
    COMMENT,
    DISABLED,
];

const fn table(path: &'static str, fields: &'static [Field], required: &'static [&'static str]) -> Menu {
    Menu {
        path,
        shape: Shape::Table,
        fields,
        unique: &[],
        required,
        conflict: "",
    }
}

const fn keyed(mut menu: Menu, unique: &'static [&'static str], conflict: &'static str) -> Menu {
    menu.unique = unique;
    menu.conflict = conflict;
    menu
}

const fn single(path: &'static str, fields: &'static [Field]) -> Menu {
    Menu {
        path,
        shape: Shape::Single,
        fields,
        unique: &[],
        required: &[],
        conflict: "",
    }
}

const fn live(path: &'static str, removable: bool) -> Menu {
    Menu {
        path,
        shape: Shape::Live { removable },
        fields: &[],
        unique: &[],
        required: &[],
        conflict: "",
    }
}

static MENUS: &[Menu] = &[
    keyed(
        table(PPP_SECRET, SECRET_FIELDS, &["name"]),
        &["name", "service"],
        "failure: secret with the same name already exists",
    ),
    keyed(
        table(PPP_PROFILE, PROFILE_FIELDS, &["name"]),
        &["name"],
        "failure: profile with the same name already exists",
    ),
    live(PPP_ACTIVE, true),
    single(
        "/ppp/aaa",
        &[
            field("use-radius", Kind::YesNo, "no"),
            field("accounting", Kind::YesNo, "yes"),
            field("interim-update", Kind::Duration, "0s"),
        ],
    ),
    keyed(
        table(
            POOL,
            &[
                field("name", Kind::Text, ""),
                field("ranges", Kind::Ranges, ""),
                field("next-pool", Kind::Text, ""),
                COMMENT,
            ],
            &["name", "ranges"],
        ),
        &["name"],
        "failure: pool with such name already exists",
    ),
    keyed(
        table(
            ADDRESS_LIST,
            &[
                field("list", Kind::Text, ""),
                field("address", Kind::Host, ""),
                field("timeout", Kind::Duration, ""),
                COMMENT,
                DISABLED,
            ],
            &["list", "address"],
        ),
        &["list", "address"],
        "failure: already have such entry",
    ),
    table("/ip/firewall/filter", RULE_FIELDS, &["chain"]),
    table("/ip/firewall/nat", RULE_FIELDS, &["chain"]),
    keyed(
        table("/ip/hotspot/user", HOTSPOT_USER_FIELDS, &["name"]),
        &["name", "server"],
        "failure: already have user with this name for this server",
    ),
    keyed(
        table("/ip/hotspot/user/profile", HOTSPOT_PROFILE_FIELDS, &["name"]),
        &["name"],
        "failure: profile with the same name already exists",
    ),
    live("/ip/hotspot/active", true),
    live("/ip/hotspot/cookie", true),
    keyed(
        table("/queue/simple", QUEUE_FIELDS, &["target"]),
        &["name"],
        "failure: already have such name",
    ),
    table("/radius", RADIUS_FIELDS, &["service", "address"]),
    single(
        "/radius/incoming",
        &[
            field("accept", Kind::YesNo, "no"),
            field("port", Kind::Integer, "3799"),
        ],
    ),
    single(IDENTITY, &[field("name", Kind::Text, "")]),
    live(RESOURCE, false),
    live(ROUTERBOARD, false),
    live(LICENSE, false),
    live(USER_ACTIVE, false),
    live(INTERFACE, false),
];

pub(super) fn menus() -> &'static [Menu] {
    MENUS
}

pub(super) fn menu(path: &str) -> Option<&'static Menu> {
    MENUS.iter().find(|menu| menu.path == path)
}

impl Menu {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
