//! Accounts whose sessions the router lists: the copy of the plan's profile, and sessions that escape.

use std::collections::BTreeMap;

use simpul_domain::network::PppProfile;

use super::*;
use crate::provisioning::listing::{COPY, ISOLIR_LIST, Profile, copy_of};

pub(super) fn profile(name: &str, address_list: &str, comment: &str) -> Profile {
    Profile {
        id: format!("*{name}"),
        name: name.to_owned(),
        address_list: address_list.to_owned(),
        comment: comment.to_owned(),
        terms: BTreeMap::from([(
            "remote-address",
            format!("pool-{}", name.trim_start_matches("simpul-isolir ")),
        )]),
    }
}

fn copy(plan: &str) -> String {
    copy_of(&PppProfile::parse(plan).expect("a profile"))
}

/// A router that holds what lists the sessions of a line on the plan `10M`.
fn listing(comment: &str, sessions: Vec<Session>, listed: &[&str]) -> Actual {
    Actual {
        secrets: vec![secret(&copy("10M"), comment)],
        sessions,
        profiles: vec![profile("10M", "", ""), profile(&copy("10M"), ISOLIR_LIST, COPY)],
        listed: listed.iter().map(|&address| address.to_owned()).collect(),
    }
}

#[test]
fn a_listed_account_gets_a_copy_of_its_plans_profile_before_its_secret_is_put_on_it() {
    let mut machine = looking(desired(2, present("10M", false, true)));
    let mut found = listing(MARKER, vec![], &[]);
    found.secrets[0].profile = "10M".to_owned();
    found.profiles.truncate(1);
    let fields = vec![
        ("name", "simpul-isolir 10M".to_owned()),
        ("address-list", "ISP-ISOLIR".to_owned()),
        ("comment", "simpul:isolir-profile".to_owned()),
        ("remote-address", "pool-10M".to_owned()),
    ];
    let added = Effect::Apply(Op::AddProfile { fields });
    assert_eq!(machine.step(Input::Actual(found)), added);
    let fields = vec![
        ("profile", "simpul-isolir 10M".to_owned()),
        ("comment", format!("{MARKER} simpul-renew")),
    ];
    let id = "*1".to_owned();
    assert_eq!(
        machine.step(Input::Applied),
        Effect::Apply(Op::SetSecret { id, fields })
    );
}

#[test]
fn a_session_that_should_be_listed_and_is_not_ends_even_when_it_began_after_the_change() {
    let mut machine = looking(desired(2, present("10M", false, true)));
    let unlisted = listing(MARKER, vec![session("*A")], &[]);
    let effect = machine.step(Input::Actual(unlisted));
    assert_eq!(effect, Effect::Kick(session("*A")));
    machine.step(Input::Applied);
    machine.step(Input::Waited);
    let again = listing(MARKER, vec![session("*B")], &[]);
    assert_eq!(machine.step(Input::Actual(again)), Effect::Kick(session("*B")));
    machine.step(Input::Applied);
    machine.step(Input::Waited);
    let listed = listing(MARKER, vec![session("*C")], &["10.0.0.2"]);
    let observed = desired(2, present("10M", false, true)).canonical();
    assert_eq!(
        machine.step(Input::Actual(listed)),
        Effect::End(Ending::Confirmed { observed })
    );
}

#[test]
fn a_copy_follows_its_plan_and_is_left_alone_when_it_is_somebodys() {
    let mut found = listing(MARKER, vec![], &[]);
    found.profiles[0].terms.insert("rate-limit", "5M/10M".to_owned());
    found.profiles[1].terms.insert("on-up", ":log info up".to_owned());
    found.profiles[1].address_list = String::new();
    let mut machine = looking(desired(2, present("10M", false, true)));
    let id = || "*simpul-isolir 10M".to_owned();
    let fields = vec![
        ("rate-limit", "5M/10M".to_owned()),
        ("address-list", "ISP-ISOLIR".to_owned()),
    ];
    let set = Effect::Apply(Op::SetProfile { id: id(), fields });
    assert_eq!(machine.step(Input::Actual(found.clone())), set);
    let clear = Effect::Apply(Op::ClearProfile {
        id: id(),
        field: "on-up",
    });
    assert_eq!(machine.step(Input::Applied), clear);

    let refused = Effect::End(Ending::Failed {
        kind: FailureKind::Refused,
        lasting: true,
    });
    found.profiles[1].comment = "punya orang".to_owned();
    let mut machine = looking(desired(2, present("10M", false, true)));
    assert_eq!(machine.step(Input::Actual(found.clone())), refused);
    found.profiles.remove(0);
    let mut machine = looking(desired(2, present("10M", false, true)));
    assert_eq!(
        machine.step(Input::Actual(found)),
        refused,
        "the plan has no profile there"
    );
}
