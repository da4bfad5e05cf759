//! What must be said is asked for, and without it nothing happens.

use axum::http::StatusCode;
use simpul_api::Surface;

use super::{
    codes,
    inputs::{Arguments, Inputs},
    schema::Schema,
    world::World,
};

/// How the names of commands end that make something.
const MAKES: &[&str] = &[
    "Connect", "Define", "Invite", "Issue", "Onboard", "Open", "Register", "Request",
];

/// A router as it comes out of its box has a user without a password.
const MAY_BE_BLANK: &[(&str, &str)] = &[("routerRegister", "password")];

// Property 9: a create without a required field is refused with a validation error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_required_field_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let before = world.heads().await;
    let mut cases = 0_u32;
    for surface in Surface::ALL {
        let (inputs, token) = (Inputs::of(surface), world.token(surface, &world.ours));
        for operation in Schema::of(surface).operations() {
            if !operation.is_command() {
                continue;
            }
            let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
            for (path, given) in inputs.paths(operation.name()) {
                let Some(without) = whole.without(&path).filter(|_| given.required) else {
                    continue;
                };
                let text = operation.document(&without.text());
                let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                let what = format!("{surface}, {} without {path:?}: {answer}", operation.name());
                assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
                assert_eq!(codes(&answer), ["GRAPHQL_VALIDATION_FAILED"], "{what}");
                assert!(answer.get("data").is_none(), "{what}");
                cases += 1;
            }
        }
    }
    assert!(cases >= 100, "{cases}");
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
