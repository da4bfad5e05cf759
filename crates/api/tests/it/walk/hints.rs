//! What an object says that the viewer could do (`viewerCan…`, `facts/graphql.md` V4) is what its command does then.

use proptest::sample::Index;
use serde_json::Value;
use simpul_api::{Surface, auth::Viewer};
use simpul_app::permission;
use simpul_domain::tenancy::Feature;
use simpul_event_store::{
    feed,
    inline::access::{self, TenantAccess},
};

use super::{chance::Chance, world::World};

const CASES: usize = 120;

/// A question for one thing, and the commands about it: `viewerCan` and the command's name without that of its aggregate.
struct Thing {
    surface: Surface,
    query: &'static str,
    name: &'static str,
    aggregate: &'static str,
    /// Each with what its input has besides an id and a key.
    commands: &'static [(&'static str, &'static str)],
}

const BECAUSE: &str = "reason: \"because\"";

const THINGS: &[Thing] = &[
    Thing {
        surface: Surface::Staff,
        query: "subscription",
        name: "subscription",
        aggregate: "subscription",
        commands: &[("Activate", ""), ("Suspend", BECAUSE), ("Resume", "")],
    },
    Thing {
        surface: Surface::Staff,
        query: "invoice",
        name: "invoice",
        aggregate: "invoice",
        commands: &[("LateFeeWaive", BECAUSE), ("Void", BECAUSE)],
    },
    Thing {
        surface: Surface::Staff,
        query: "job",
        name: "job",
        aggregate: "job",
        commands: &[("Cancel", "")],
    },
    Thing {
        surface: Surface::Platform,
        query: "tenant",
        name: "account",
        aggregate: "tenant",
        commands: &[
            ("PanelLock", BECAUSE),
            ("PanelUnlock", ""),
            ("Deactivate", BECAUSE),
            ("Activate", ""),
            ("Delete", ""),
            ("Restore", ""),
        ],
    },
];

impl Thing {
    async fn asked(&self, world: &World, token: &str, text: &str) -> Value {
        let (_, mut answer) = world.question(self.surface, token, text).await;
        assert!(answer.get("errors").is_none(), "{text}: {answer}");
        answer["data"].take()
    }

    /// What it says about each of its commands.
    async fn hints(&self, world: &World, token: &str) -> Vec<bool> {
        let hints: Vec<String> = self
            .commands
            .iter()
            .map(|(command, _)| format!("viewerCan{command}"))
            .collect();
        let (query, id) = (self.query, world.ours.thing(self.name));
        let text = format!("{{ {query}(id: {id:?}) {{ {} }} }}", hints.join(" "));
        let data = self.asked(world, token, &text).await;
        let said = |hint: &String| data[query][hint].as_bool();
        hints.iter().map(|hint| said(hint).expect("a hint")).collect()
    }

    /// Whether the command is accepted.
    async fn give(&self, world: &World, token: &str, (command, more): (&str, &str), key: usize) -> bool {
        let (mutation, id) = (
            format!("{}{command}", self.aggregate),
            world.ours.thing(self.name),
        );
        let text = format!(
            "mutation {{ {mutation}(input: {{ id: {id:?}, idempotencyKey: \"hint-{key}\" {more} }}) {{ userErrors {{ code }} }} }}"
        );
        let data = self.asked(world, token, &text).await;
        let errors = data[&mutation]["userErrors"].as_array().expect("a payload");
        errors.is_empty()
    }

    async fn head(&self, world: &World) -> i64 {
        let tenant = world.viewer(self.surface, &world.ours).tenant;
        let store = world.front.test.store();
        feed::head(&store, tenant).await.expect("a head")
    }
}

// V4: one function for the guard and for the hint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_that_is_shown_does_something_and_one_that_is_not_does_nothing() {
    let world = World::open().await;
    let (mut chance, mut shown) = (Chance::new(), 0);
    for case in 0..CASES {
        let thing = chance.one(THINGS);
        let token = world.token(thing.surface, &world.ours);
        let hints = thing.hints(&world, &token).await;
        let before = thing.head(&world).await;
        assert_eq!(hints, thing.hints(&world, &token).await);
        assert_eq!(thing.head(&world).await, before, "who asks changes nothing");
        let chosen = chance
            .draw(proptest::arbitrary::any::<Index>())
            .index(hints.len());
        let command = thing.commands[chosen];
        let accepted = thing.give(&world, &token, command, case).await;
        let changed = thing.head(&world).await > before;
        assert_eq!(
            hints[chosen],
            accepted && changed,
            "case {case}: {} {}, accepted: {accepted}, changed: {changed}",
            thing.query,
            command.0
        );
        shown += usize::from(changed);
    }
    assert!(
        shown >= CASES / 8,
        "buttons that nobody sees prove nothing: {shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_read_and_whose_panel_is_locked_is_shown_no_button() {
    let world = World::open().await;
    let reads = [permission::SUBSCRIPTION_READ, permission::BILLING_READ];
    let reader = world.front.colleague(&reads).await;
    let staff = || THINGS.iter().filter(|thing| thing.surface == Surface::Staff);
    let shown = async |viewer: Viewer| {
        let token = world.front.token_for(Surface::Staff, viewer);
        let mut shown = 0;
        for thing in staff() {
            let hints = thing.hints(&world, &token).await;
            shown += hints.iter().filter(|&&hint| hint).count();
        }
        shown
    };
    assert!(shown(world.ours.owner).await > 0);
    assert_eq!(shown(reader).await, 0);
    let store = world.front.test.store();
    let mut tx = store.db().tenant_tx(world.ours.owner.tenant).await.expect("tx");
    let locked = TenantAccess {
        panel_locked: true,
        features: Feature::ALL
            .iter()
            .map(|feature| feature.as_str().to_owned())
            .collect(),
        ..TenantAccess::default()
    };
    access::set_tenant(&mut tx, &locked).await.expect("set");
    tx.commit().await.expect("commit");
    assert_eq!(shown(world.ours.owner).await, 0);
}

#[test]
fn every_button_of_the_schemas_is_pressed() {
    let pressed: usize = THINGS.iter().map(|thing| thing.commands.len()).sum();
    let said = Surface::ALL
        .iter()
        .map(|surface| simpul_api::sdl(*surface).matches("\n\tviewerCan").count());
    assert_eq!(said.sum::<usize>(), pressed);
}
