//! Each kind of change, and what must be said of it.

use chrono::NaiveDate;

use super::*;
use crate::Surface;

fn contract(sdl: &str) -> Contract {
    Contract::read(sdl).expect("SDL")
}

fn found(old: &str, new: &str) -> Vec<String> {
    let changes = changes(&contract(old), &contract(new));
    changes.iter().map(ToString::to_string).collect()
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// Before, after, and what is said of it.
const CHANGES: &[(&str, &str, &[&str])] = &[
    (
        "type A { a: Int } type B { b: Int }",
        "type A { a: Int }",
        &["breaking: B was removed"],
    ),
    (
        "type A { a: Int b: Int }",
        "type A { a: Int }",
        &["breaking: A.b was removed"],
    ),
    (
        "type A { a(x: Int, y: Int): Int }",
        "type A { a(x: Int): Int }",
        &["breaking: A.a(y:) was removed"],
    ),
    (
        "input I { a: Int b: Int }",
        "input I { a: Int }",
        &["breaking: I.b was removed"],
    ),
    ("enum E { A B }", "enum E { A }", &["breaking: E.B was removed"]),
    (
        "type A { a: Int } type B { a: Int } union U = A | B",
        "type A { a: Int } type B { a: Int } union U = A",
        &["breaking: U.B was removed"],
    ),
    (
        "interface I { a: Int } type A implements I { a: Int }",
        "interface I { a: Int } type A { a: Int }",
        &["breaking: I.A was removed"],
    ),
    (
        "scalar S",
        "enum S { A }",
        &[
            "breaking: S is of kind enum, was scalar",
            "dangerous: S.A was added",
        ],
    ),
    (
        "type A { a: Int }",
        "type A { a: String }",
        &["breaking: A.a answers String, did Int"],
    ),
    (
        "type A { a: Int! }",
        "type A { a: Int }",
        &["breaking: A.a answers Int, did Int!"],
    ),
    (
        "type A { a: [Int!]! }",
        "type A { a: [Int]! }",
        &["breaking: A.a answers [Int]!, did [Int!]!"],
    ),
    (
        "type A { a: Int }",
        "type A { a: [Int] }",
        &["breaking: A.a answers [Int], did Int"],
    ),
    (
        "input I { a: Int }",
        "input I { a: Int! }",
        &["breaking: I.a takes Int!, did Int"],
    ),
    (
        "type A { a(x: [Int]): Int }",
        "type A { a(x: [Int!]): Int }",
        &["breaking: A.a(x:) takes [Int!], did [Int]"],
    ),
    (
        "type A { a: Int }",
        "type A { a(x: Int!): Int }",
        &["breaking: A.a(x:) was added and is required"],
    ),
    (
        "input I { a: Int }",
        "input I { a: Int b: Int! }",
        &["breaking: I.b was added and is required"],
    ),
    (
        "input I { a: Int! = 1 }",
        "input I { a: Int! }",
        &["breaking: I.a is nothing if left out, was 1"],
    ),
    (
        "type A { a: Int }",
        "type A { a: Int @permission(any: [\"x.read\"]) }",
        &["breaking: A.a asks for x.read, did for nothing"],
    ),
    (
        "type A { a: Int @permission(any: [\"x.read\", \"y.read\"]) }",
        "type A { a: Int @permission(any: [\"x.read\", \"z.read\"]) }",
        &["breaking: A.a asks for x.read or z.read, did for x.read or y.read"],
    ),
    ("enum E { A }", "enum E { A B }", &["dangerous: E.B was added"]),
    (
        "type A { a: Int } union U = A",
        "type A { a: Int } type B { a: Int } union U = A | B",
        &["dangerous: U.B was added", "safe: B was added"],
    ),
    (
        "interface I { a: Int } type A { a: Int }",
        "interface I { a: Int } type A implements I { a: Int }",
        &["dangerous: I.A was added"],
    ),
    (
        "type A { a(x: Int = 1): Int }",
        "type A { a(x: Int = 2): Int }",
        &["dangerous: A.a(x:) is 2 if left out, was 1"],
    ),
    (
        "input I { a: Int }",
        "input I { a: Int = 2 }",
        &["dangerous: I.a is 2 if left out, was nothing"],
    ),
    (
        "type A { a: Int }",
        "type A { a: Int @cost(weight: 2) }",
        &["dangerous: A.a weighs 2, did 1"],
    ),
    (
        "type A { a(x: Int @cost(weight: 10)): Int }",
        "type A { a(x: Int @cost(weight: 11)): Int }",
        &["dangerous: A.a(x:) weighs 11, did 10"],
    ),
    (
        "type A { a: Int @cost(weight: 3) }",
        "type A { a: Int @cost(weight: 2) }",
        &["safe: A.a weighs 2, did 3"],
    ),
    (
        "type A { a: Int }",
        "type A { a: Int! b(x: Int!): Int }",
        &["safe: A.a answers Int!, did Int", "safe: A.b was added"],
    ),
    (
        "type A { a: Int }",
        "type A { a(x: Int, y: Int! = 1): Int }",
        &["safe: A.a(x:) was added", "safe: A.a(y:) was added"],
    ),
    (
        "input I { a: Int! }",
        "input I { a: Int b: Int }",
        &["safe: I.a takes Int, did Int!", "safe: I.b was added"],
    ),
    (
        "interface I { a: Int }",
        "interface I { a: Int } type A implements I { a: Int } enum E { A }",
        &["safe: A was added", "safe: E was added"],
    ),
    (
        "type A { a: Int @permission(any: [\"x.read\"]) b: Int @permission(any: [\"x.read\"]) }",
        "type A { a: Int b: Int @permission(any: [\"x.read\", \"y.read\"]) }",
        &[
            "safe: A.a asks for nothing, did for x.read",
            "safe: A.b asks for x.read or y.read, did for x.read",
        ],
    ),
    (
        "type A { a: Int }",
        "type A { a: Int @deprecated }",
        &["safe: A.a is deprecated"],
    ),
    (
        "type A { a: Int @deprecated }",
        "type A { a: Int }",
        &["safe: A.a is not deprecated any more"],
    ),
    ("\"One.\" type A { \"Two.\" a: Int }", "type A { a: Int }", &[]),
];

#[test]
fn every_kind_of_change_is_as_grave_as_it_is() {
    for (old, new, expected) in CHANGES {
        assert_eq!(&found(old, new), expected, "{old} -> {new}");
        assert_eq!(found(new, new), Vec::<String>::new(), "{new}");
    }
}

fn unannounced_on(today: &str, changelog: &str, old: &str, new: &str) -> Vec<String> {
    let (old, new) = (contract(old), contract(new));
    let changes = changes(&old, &new);
    let found = unannounced(&old, &new, &changes, unreleased(changelog), day(today));
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn what_breaks_is_what_was_to_end_by_then() {
    let due = "@deprecated(reason: \"Use b. Removed 2027-04-01.\")";
    let old = format!("type Query {{ a: Int {due} b: Int }}");
    let new = "type Query { b: Int }";
    assert_eq!(
        unannounced_on("2027-03-31", "", &old, new),
        ["breaking: Query.a was removed"]
    );
    assert_eq!(unannounced_on("2027-04-01", "", &old, new), Vec::<String>::new());
    let changed = "type Query { a: String b: Int }";
    let named = "# C\n\n## [Unreleased]\n- `Query.a` is a text\n";
    assert_eq!(
        unannounced_on("2027-04-01", named, &old, changed),
        ["breaking: Query.a answers String, did Int"]
    );
    let undated = "type Query { a: Int @deprecated(reason: \"Use b.\") b: Int }";
    assert_eq!(
        unannounced_on("2099-01-01", "", undated, new),
        ["breaking: Query.a was removed"]
    );
}

#[test]
fn a_type_goes_with_the_last_way_to_it() {
    let due = "@deprecated(reason: \"Use b. Removed 2027-04-01.\")";
    let old = |second: &str| {
        format!(
            "type Query {{ a(x: I): A {due} b: Int {second} }} type A {{ c: C }} type C {{ a: A i(x: J): Int }} \
             input I {{ x: Int }} input J {{ x: Int }}"
        )
    };
    let new = "type Query { b: Int }";
    assert_eq!(
        unannounced_on("2027-04-01", "", &old(""), new),
        Vec::<String>::new()
    );
    assert_eq!(
        unannounced_on("2027-03-31", "", &old(""), new),
        [
            "breaking: A was removed",
            "breaking: I was removed",
            "breaking: Query.a was removed",
        ]
    );
    assert_eq!(
        unannounced_on("2027-04-01", "", &old("d: C"), "type Query { b: Int d: Int }"),
        ["breaking: C was removed", "breaking: Query.d answers Int, did C"]
    );
}

#[test]
fn what_surprises_is_named_among_what_is_not_released() {
    let (old, new) = ("enum E { A }", "enum E { A B }");
    for (changelog, missing) in [
        ("# C\n\n## [Unreleased]\n- `E.B` is new\n\n## [1.0.0]\n", false),
        ("# C\n\n## [Unreleased]\n- E.B is new, as is `E.BC`\n", true),
        ("# C\n\n## [Unreleased]\n\n## [1.0.0]\n- `E.B` is new\n", true),
        ("", true),
    ] {
        let found = unannounced_on("2027-04-01", changelog, old, new);
        assert_eq!(!found.is_empty(), missing, "{changelog}");
    }
}

#[test]
fn a_notice_says_what_to_use_and_leaves_three_months() {
    let with = |reason: &str| {
        contract(&format!(
            "type A {{ a(x: Int @deprecated(reason: \"Use y. Removed 2027-04-01.\"), y: Int): Int \
             b: Int @deprecated(reason: \"{reason}\") }} enum E {{ ONE }}"
        ))
    };
    let unreleased = contract("type A { a(x: Int, y: Int): Int b: Int }");
    for (reason, fault) in [
        ("Use a. Removed 2027-04-01.", None),
        ("Use `E.ONE`. Removed 2027-04-01.", None),
        ("Use a.", Some("does not say `Use x. Removed 2027-04-01.`")),
        (
            "Use a. Removed 2027-04-31.",
            Some("does not say `Use x. Removed 2027-04-01.`"),
        ),
        (
            "Use c. Removed 2027-04-01.",
            Some("has a successor that does not exist: c"),
        ),
        (
            "Use a. Removed 2027-05-01.",
            Some("is removed on 2027-05-01, not on the first day of a quarter"),
        ),
        (
            "Use a. Removed 2027-01-01.",
            Some("is removed on 2027-01-01, before 2027-04-01"),
        ),
    ] {
        let faults = broken_notices(&unreleased, &with(reason), day("2027-01-01"));
        let expected: Vec<String> = fault.iter().map(|fault| format!("A.b {fault}")).collect();
        assert_eq!(faults, expected, "{reason}");
    }
    let released = with("Use a. Removed 2027-07-01.");
    let kept = broken_notices(&released, &released, day("2027-06-30"));
    assert_eq!(kept, Vec::<String>::new());
    let hurried = broken_notices(&released, &with("Use a. Removed 2027-04-01."), day("2026-01-01"));
    assert_eq!(hurried, ["A.b is removed on 2027-04-01, before 2027-07-01"]);
}

#[test]
fn a_break_that_is_planted_in_a_served_schema_is_found() {
    let sdl = crate::graphql::sdl(Surface::Staff);
    let served = contract(&sdl);
    for (from, to, expected) in [
        (
            "\tdueOn: Date!\n",
            "\tdueAt: Date!\n",
            "breaking: Invoice.dueOn was removed",
        ),
        (
            "\tVOID\n",
            "\tCANCELLED\n",
            "breaking: InvoiceStatus.VOID was removed",
        ),
        (
            "id: ID!\n\t): Invoice",
            "id: ID!\n\t\tyear: Int!\n\t): Invoice",
            "breaking: Query.invoice(year:) was added and is required",
        ),
    ] {
        assert!(sdl.contains(from), "{from}");
        let planted = contract(&sdl.replace(from, to));
        let changes = changes(&served, &planted);
        assert!(
            changes.iter().any(|change| change.to_string() == expected),
            "{expected}: {changes:?}"
        );
    }
}
