//! Commands that name what is not there. Ids are drawn.

use simpul_api::Surface;

use super::{
    chance::Chance,
    no_fault,
    schema::{Operation, Schema},
    world::World,
};

/// Cases besides one of each.
const MORE: usize = 100;

/// A command, and one thing that it names.
struct Naming {
    surface: Surface,
    operation: Operation,
    thing: &'static str,
}

fn naming() -> Vec<Naming> {
    let mut all = Vec::new();
    for surface in Surface::ALL {
        for operation in Schema::of(surface).operations() {
            if operation.is_command() {
                all.extend(operation.things().into_iter().map(|thing| Naming {
                    surface,
                    operation: operation.clone(),
                    thing,
                }));
            }
        }
    }
    all
}

// Property 13: an update that names a missing entity is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_names_what_is_not_there_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let before = world.heads().await;
    let (naming, mut chance) = (naming(), Chance::new());
    for case in 0..naming.len() + MORE {
        // Each of them once, and then drawn ones.
        let Naming {
            surface,
            operation,
            thing,
        } = naming.get(case).unwrap_or_else(|| chance.one(&naming));
        let end = chance.draw("[0-9a-hjkmnp-tv-z]{6}");
        let text = operation.text(|name| {
            if name == *thing {
                world.ours.missing(name, &end)
            } else {
                world.ours.thing(name)
            }
        });
        let token = world.token(*surface, &world.ours);
        let (status, answer) = world.ask(*surface, Some(&token), operation, &text).await;
        let what = format!("{surface}, {text}");
        no_fault(status, &answer, &what);
        let payload = &answer["data"][operation.field()];
        let by_the_command = payload["userErrors"][0]["code"].is_string();
        let at_the_door = answer["errors"][0]["extensions"]["code"].is_string();
        // Of many, what is missing is told of that one.
        let when_asked = payload["preview"][0].is_object();
        assert!(by_the_command || at_the_door || when_asked, "{what}: {answer}");
    }
    assert_eq!(world.heads().await, before, "nothing has happened");
}
