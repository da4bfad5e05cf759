//! What must be said is asked for, and without it nothing happens.

use axum::http::StatusCode;
use proptest::arbitrary::any;
use simpul_api::Surface;

use super::{
    chance::Chance,
    codes,
    inputs::{Arguments, Inputs, Path},
    schema::{Operation, Schema},
    world::World,
};

/// Cases besides one of each.
const MORE: usize = 100;

/// How the names of commands end that make something.
const MAKES: &[&str] = &[
    "Connect", "Define", "Invite", "Issue", "Onboard", "Open", "Register", "Request",
];

/// A router as it comes out of its box has a user without a password.
const MAY_BE_BLANK: &[(&str, &str)] = &[("routerRegister", "password")];

/// A command, one thing that must be said to it, and what may be left out.
struct Required {
    surface: Surface,
    operation: Operation,
    path: Path,
    optional: Vec<Path>,
}

fn required(world: &World) -> Vec<Required> {
    let mut all = Vec::new();
    for surface in Surface::ALL {
        let inputs = Inputs::of(surface);
        for operation in Schema::of(surface).operations() {
            if !operation.is_command() {
                continue;
            }
            let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
            let mut said = inputs.paths(operation.name());
            said.retain(|(path, _)| whole.without(path).is_some());
            let (needed, optional): (Vec<_>, Vec<_>) =
                said.into_iter().partition(|(_, given)| given.required);
            for (path, _) in needed {
                let apart = |(other, _): &(Path, _)| (!path.starts_with(other)).then(|| other.clone());
                all.push(Required {
                    surface,
                    operation: operation.clone(),
                    optional: optional.iter().filter_map(apart).collect(),
                    path,
                });
            }
        }
    }
    all
}

impl Chance {
    /// Without what must be said, or with null in its place; some of what may be left out is left out.
    fn less(&mut self, whole: &Arguments, required: &Required) -> Arguments {
        let said = if self.draw(any::<bool>()) {
            whole.without(&required.path)
        } else {
            whole.null(&required.path)
        };
        let mut said = said.expect("given");
        for path in &required.optional {
            if self.draw(any::<bool>()) {
                // What it belonged to may be gone already.
                said = said.without(path).unwrap_or(said);
            }
        }
        said
    }
}

// Property 9: a create without a required field is refused with a validation error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_required_field_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let before = world.heads().await;
    let (required, mut chance) = (required(&world), Chance::new());
    assert!(required.len() >= 100, "{}", required.len());
    for case in 0..required.len() + MORE {
        // Each of them once, and then drawn ones.
        let required = required.get(case).unwrap_or_else(|| chance.one(&required));
        let (surface, operation) = (required.surface, &required.operation);
        let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
        let text = operation.document(&chance.less(&whole, required).text());
        let token = world.token(surface, &world.ours);
        let (status, answer) = world.ask(surface, Some(&token), operation, &text).await;
        let what = format!("{surface}, {text}: {answer}");
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(codes(&answer), ["GRAPHQL_VALIDATION_FAILED"], "{what}");
        assert!(answer.get("data").is_none(), "{what}");
    }
    assert_eq!(world.heads().await, before, "nothing has happened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_of_nothing_is_no_field_of_anything_that_is_made() {
    let world = World::open().await;
    let before = world.heads().await;
    let (mut cases, mut taken) = (0_u32, Vec::new());
    for surface in [Surface::Staff, Surface::Platform] {
        let (inputs, token) = (Inputs::of(surface), world.token(surface, &world.ours));
        for operation in Schema::of(surface).operations() {
            let makes = MAKES.iter().any(|end| operation.field().ends_with(end));
            if !operation.is_command() || operation.is_public() || !makes {
                continue;
            }
            let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
            for (path, given) in inputs.paths(operation.name()) {
                if !given.required || given.ty != "String" || !given.is_text() {
                    continue;
                }
                for blank in ["", "  \t "] {
                    let Some(blanked) = whole.with(&path, blank) else {
                        continue;
                    };
                    let text = operation.document(&blanked.text());
                    let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                    let what = format!("{}, {path:?} of {blank:?}: {answer}", operation.name());
                    assert_eq!(status, StatusCode::OK, "{what}");
                    let errors = &answer["data"][operation.field()]["userErrors"];
                    let field = (operation.field(), given.name.as_str());
                    if MAY_BE_BLANK.contains(&field) {
                        continue;
                    }
                    if errors[0]["code"] != "VALIDATION_ERROR" {
                        taken.push(what);
                    }
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(taken, Vec::<String>::new(), "taken, though they say nothing");
    assert!(cases >= 30, "{cases}");
    let mut heads = world.heads().await;
    // The router, twice.
    heads[0] -= 2;
    assert_eq!(heads, before, "nothing else has happened");
}
