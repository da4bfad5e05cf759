//! The router: what it holds after writes that were accepted, refused, lost, or done without an answer.

use proptest::prelude::*;
use secrecy::SecretString;
use simpul_adapters::{
    egress,
    provisioning::{
        Reach, Wanted,
        diff::{Actual, Op, Password},
        listing::{COPY, ISOLIR_LIST, copy_of},
        router::Router,
    },
};
use simpul_domain::{
    RouterId, Sealed, SubscriptionId,
    network::{
        PppProfile, RouterAddress, RouterHost, TlsMode,
        desired::{Account, DesiredState, marker},
        provisioning::Access,
    },
    subscriptions::PppUsername,
};
use simpul_routeros::{
    sim::{Faults, Group, Personality, RouterConfig, Server, ServerConfig, ServerHandle},
    tls::Roots,
};
use simpul_sim::model::router;
use uuid::Uuid;

use crate::{Court, tenant};

const PROFILES: [&str; 2] = ["10M", "isolir"];
const PASSWORD: &str = "rahasia-pelanggan";

/// How the connection behaves at one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Good,
    CutBefore,
    CutAfter,
}

/// One write, about a row that the last look showed.
#[derive(Debug, Clone)]
enum Write {
    Add {
        profile: usize,
        disabled: bool,
        ours: bool,
    },
    Profile {
        which: usize,
        profile: usize,
    },
    Disable {
        which: usize,
        disabled: bool,
    },
    Mark {
        which: usize,
        ours: bool,
    },
    Password {
        which: usize,
    },
    ClearAddress {
        which: usize,
    },
    Remove {
        which: usize,
    },
    Copy,
    /// What the copy, or the plan's profile, does with its sessions' addresses.
    Lists {
        which: usize,
        listed: bool,
    },
    Rate {
        which: usize,
    },
    ClearRate {
        which: usize,
    },
}

/// What is on a router, without its ids.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    secrets: Vec<(String, String, bool, String, Password)>,
    /// Name, list, comment and rate.
    profiles: Vec<(String, String, String, Option<String>)>,
}

/// What a run asks of a router.
trait Host {
    async fn read(&mut self, wanted: &Wanted) -> Actual;
    /// Whether it was accepted, as far as the caller knows.
    async fn apply(&mut self, op: &Op, wanted: &Wanted, line: Line) -> bool;
}

struct Model(router::Router);

impl Host for Model {
    async fn read(&mut self, wanted: &Wanted) -> Actual {
        self.0.read(&wanted.state)
    }

    async fn apply(&mut self, op: &Op, wanted: &Wanted, line: Line) -> bool {
        if line == Line::CutBefore {
            return false;
        }
        let accepted = self.0.apply(op, wanted.state.secret.as_str());
        accepted && line == Line::Good
    }
}

struct Real {
    sim: ServerHandle,
    router: Router,
}

fn reach() -> Reach {
    Reach {
        address: RouterAddress {
            host: RouterHost::parse("router.test").expect("a host"),
            port: 8728,
            tls: TlsMode::Plain,
        },
        username: "api".to_owned(),
        password: SecretString::from("rahasia"),
        legacy_login: false,
        known: None,
        roots: Roots::none(),
    }
}

impl Real {
    async fn start(shows_passwords: bool) -> Self {
        let mut config = RouterConfig::new(Personality::V7Empty);
        if !shows_passwords {
            config.users[0].group = Group::WithoutSensitive;
        }
        let sim = Server::start(ServerConfig::in_memory(config)).await;
        let sim = sim.expect("a simulator");
        for profile in PROFILES {
            let fields = [("name", profile), ("local-address", "10.9.0.1")];
            sim.router.add("/ppp/profile", &fields).expect("a profile");
        }
        let router = Self::dial(&sim).await;
        Self { sim, router }
    }

    async fn dial(sim: &ServerHandle) -> Router {
        let stream = sim.open().expect("it is on");
        let dialled = async { Ok::<_, egress::DialError>(stream) };
        Router::open(&reach(), dialled).await.expect("logged in")
    }
}

impl Host for Real {
    async fn read(&mut self, wanted: &Wanted) -> Actual {
        self.router.read(wanted).await.expect("read completely")
    }

    async fn apply(&mut self, op: &Op, wanted: &Wanted, line: Line) -> bool {
        self.sim.switches.change(|faults: &mut Faults| {
            faults.drop_before_apply = (line == Line::CutBefore).then_some(1);
            faults.drop_after_apply = (line == Line::CutAfter).then_some(1);
        });
        let accepted = self.router.apply(op, wanted).await.is_ok();
        self.sim.switches.reset();
        if line != Line::Good {
            self.router = Self::dial(&self.sim).await;
        }
        accepted
    }
}

fn wanted(owner: simpul_domain::TenantId) -> Wanted {
    let subscription = SubscriptionId::new(Uuid::from_u128(11));
    let state = DesiredState {
        subscription,
        router: RouterId::new(Uuid::from_u128(12)),
        version: 1,
        access: Access::Full,
        username: PppUsername::parse("budi01").expect("a user name"),
        // The model has no vault: what is sealed is what is written.
        secret: Sealed::new(PASSWORD.to_owned()),
        secret_version: 1,
        account: Account::Present {
            profile: PppProfile::parse(PROFILES[0]).expect("a profile"),
            disabled: false,
            isolir_listed: true,
        },
        marker: marker(owner, subscription),
    };
    Wanted {
        state,
        password: SecretString::from(PASSWORD),
    }
}

fn held(actual: &Actual) -> Held {
    let secrets = actual.secrets.iter().map(|secret| {
        let fields = (secret.name.clone(), secret.profile.clone());
        (
            fields.0,
            fields.1,
            secret.disabled,
            secret.comment.clone(),
            secret.password,
        )
    });
    Held {
        secrets: secrets.collect(),
        profiles: actual
            .profiles
            .iter()
            .map(|profile| {
                let (name, list) = (profile.name.clone(), profile.address_list.clone());
                let rate = profile.terms.get("rate-limit").cloned();
                (name, list, profile.comment.clone(), rate)
            })
            .collect(),
    }
}

/// The write in terms of the ids that a side has shown; a row that is gone has an id that means nothing.
fn op(write: &Write, actual: &Actual, wanted: &Wanted) -> Op {
    let nothing = || "*FFFF".to_owned();
    let secret = |which: usize| {
        let row = actual.secrets.get(which);
        row.map_or_else(nothing, |secret| secret.id.clone())
    };
    let profile = |which: usize| {
        let row = actual.profiles.get(which);
        row.map_or_else(nothing, |profile| profile.id.clone())
    };
    let comment = |ours: bool| {
        if ours {
            wanted.state.marker.clone()
        } else {
            "pak budi".to_owned()
        }
    };
    let set = |which: usize, field: &'static str, value: String| Op::SetSecret {
        id: secret(which),
        fields: vec![(field, value)],
    };
    let yes_no = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    match *write {
        Write::Add {
            profile,
            disabled,
            ours,
        } => Op::AddSecret {
            name: wanted.state.username.to_string(),
            profile: PROFILES[profile].to_owned(),
            disabled,
            comment: comment(ours),
        },
        Write::Profile { which, profile } => set(which, "profile", PROFILES[profile].to_owned()),
        Write::Disable { which, disabled } => set(which, "disabled", yes_no(disabled)),
        Write::Mark { which, ours } => set(which, "comment", comment(ours)),
        Write::Password { which } => Op::SetPassword { id: secret(which) },
        Write::ClearAddress { which } => Op::ClearRemoteAddress { id: secret(which) },
        Write::Remove { which } => Op::RemoveSecret { id: secret(which) },
        Write::Copy => Op::AddProfile {
            fields: vec![
                (
                    "name",
                    copy_of(&PppProfile::parse(PROFILES[0]).expect("a profile")),
                ),
                ("address-list", ISOLIR_LIST.to_owned()),
                ("comment", COPY.to_owned()),
            ],
        },
        Write::Lists { which, listed } => Op::SetProfile {
            id: profile(which),
            fields: vec![(
                "address-list",
                if listed { ISOLIR_LIST } else { "lain" }.to_owned(),
            )],
        },
        Write::Rate { which } => Op::SetProfile {
            id: profile(which),
            fields: vec![("rate-limit", "5M/10M".to_owned())],
        },
        Write::ClearRate { which } => Op::ClearProfile {
            id: profile(which),
            field: "rate-limit",
        },
    }
}

fn steps() -> impl Strategy<Value = Vec<(Write, Line)>> {
    let (which, profile, flag) = (|| 0..2_usize, || 0..PROFILES.len(), any::<bool>);
    let write = prop_oneof![
        3 => (profile(), flag(), flag())
            .prop_map(|(profile, disabled, ours)| Write::Add { profile, disabled, ours }),
        2 => (which(), profile()).prop_map(|(which, profile)| Write::Profile { which, profile }),
        2 => (which(), flag()).prop_map(|(which, disabled)| Write::Disable { which, disabled }),
        2 => (which(), flag()).prop_map(|(which, ours)| Write::Mark { which, ours }),
        1 => which().prop_map(|which| Write::Password { which }),
        1 => which().prop_map(|which| Write::ClearAddress { which }),
        1 => which().prop_map(|which| Write::Remove { which }),
        2 => Just(Write::Copy),
        2 => (which(), flag()).prop_map(|(which, listed)| Write::Lists { which, listed }),
        1 => which().prop_map(|which| Write::Rate { which }),
        1 => which().prop_map(|which| Write::ClearRate { which }),
    ];
    let line = prop_oneof![6 => Just(Line::Good), 1 => Just(Line::CutBefore), 1 => Just(Line::CutAfter)];
    prop::collection::vec((write, line), 1..20)
}

/// Drives one side: what was said of each write, and what was there after it.
async fn drive(host: &mut impl Host, steps: &[(Write, Line)], wanted: &Wanted) -> Vec<(bool, Held)> {
    let mut seen = Vec::new();
    let mut actual = host.read(wanted).await;
    for (write, line) in steps {
        let before = held(&actual);
        let accepted = host.apply(&op(write, &actual, wanted), wanted, *line).await;
        actual = host.read(wanted).await;
        let after = held(&actual);
        assert!(
            *line != Line::CutBefore || before == after,
            "a lost write had an effect"
        );
        assert!(*line == Line::Good || !accepted, "a cut line said yes");
        seen.push((accepted, after));
    }
    seen
}

// Property 67: the state that a run builds on is the state that is there.
#[test]
fn writes_are_accepted_refused_and_lost_alike() {
    let court = Court::open();
    let steps = (steps(), any::<bool>());
    court.for_all(&steps, async |(steps, shows_passwords)| {
        let wanted = wanted(tenant());
        let mut model = Model(router::Router::new("HEX0SIM0001".to_owned(), shows_passwords));
        for name in PROFILES {
            model.0.prepare(name);
        }
        let mut real = Real::start(shows_passwords).await;
        let said = drive(&mut model, &steps, &wanted).await;
        let was = drive(&mut real, &steps, &wanted).await;
        real.router.close().await;
        real.sim.stop().await;
        assert_eq!(said, was, "model and RouterOS differ");
    });
}
