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

/// A command, and one thing that must be said to it.
struct Required {
    surface: Surface,
    operation: Operation,
    path: Path,
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
            let paths = inputs.paths(operation.name()).into_iter();
            let needed = paths.filter(|(path, given)| given.required && whole.without(path).is_some());
            all.extend(needed.map(|(path, _)| Required {
                surface,
                operation: operation.clone(),
                path,
            }));
        }
    }
    all
}

// Property 9: a create without a required field is refused with a validation error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_required_field_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let before = world.heads().await;
    let (required, mut chance) = (required(&world), Chance::new());
    assert!(required.len() >= 100, "{}", required.len());
    let inputs = Surface::ALL.map(Inputs::of);
    for case in 0..required.len() + MORE {
        // Each of them once, and then drawn ones. What else is said is drawn, and so is whether it is not said or is null.
        let Required {
            surface,
            operation,
            path,
        } = required.get(case).unwrap_or_else(|| chance.one(&required));
        let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
        let mut said = if chance.draw(any::<bool>()) {
            whole.without(path).expect("given")
        } else {
            whole.null(path).expect("given")
        };
        let known = Surface::ALL
            .iter()
            .zip(&inputs)
            .find(|(known, _)| *known == surface);
        let (_, known) = known.expect("a surface");
        for (other, given) in known.paths(operation.name()) {
            let apart = !path.starts_with(&other) && !given.required;
            if let Some(less) = said
                .without(&other)
                .filter(|_| apart && chance.draw(any::<bool>()))
            {
                said = less;
            }
        }
        let text = operation.document(&said.text());
        let token = world.token(*surface, &world.ours);
        let (status, answer) = world.ask(*surface, Some(&token), operation, &text).await;
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
