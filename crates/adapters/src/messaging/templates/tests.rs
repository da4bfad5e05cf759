//! Every built-in text, and what a template may and may not do.

use chrono::NaiveDate;
use proptest::prelude::*;
use simpul_domain::{Code, Coded as _};

use super::*;

const LANGUAGES: [Language; 2] = [Language::Id, Language::En];
const CREATED: MessageKind = MessageKind::InvoiceCreated;

fn preview(source: &str) -> String {
    Template::parse(CREATED, source)
        .expect("a template")
        .preview()
        .expect("a message")
}

fn refused(source: &str) -> TemplateError {
    Template::parse(CREATED, source).expect_err("a mistake")
}

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

#[test]
fn every_built_in_text_reads_well() {
    for kind in KINDS {
        for language in LANGUAGES {
            let template = Template::built_in(kind, language).expect("a template");
            let name = format!("{}_{language:?}", kind.as_str()).to_lowercase();
            insta::assert_snapshot!(name, template.preview().expect("a message"));
        }
    }
}

#[test]
fn built_in_texts_do_without_a_link_and_a_contact() {
    for kind in KINDS {
        for language in LANGUAGES {
            let template = Template::built_in(kind, language).expect("a template");
            let text = template
                .render(&Values::sample(kind).without_optional())
                .expect("a message");
            assert!(
                !text.contains("http") && !text.contains("\n\n\n") && !text.ends_with(':'),
                "{text}"
            );
        }
    }
}

#[test]
fn single_braces_and_indonesian_names_are_understood() {
    assert_eq!(
        preview("{name} {nama} { Nama } {{ name }} {{ nama }} {{nama}}"),
        ["Budi Santoso"; 6].join(" ")
    );
    assert_eq!(preview("{jumlah} {jatuh_tempo}"), "Rp150.000 20 November 2026");
    assert_eq!(preview("{no_invoice} {paket}"), "INV/2026/11/0042 Rumah 20 Mbps");
    assert_eq!(preview("-> {link_bayar}"), "-> https://bayar.example/i/7f3a");
    assert_eq!(preview("{{ nama | upper }}"), "BUDI SANTOSO");
    assert_eq!(
        preview("{% if pay_url %}A{% else %}B{% endif %}{# {nobody} #}"),
        "A"
    );
}

#[test]
fn ordinary_braces_stay() {
    let text = "a { 1 b } c {} :{ {1} } {a b} x{";
    assert_eq!(preview(text), text);
}

#[test]
fn what_was_written_is_kept_beside_what_is_rendered() {
    let template = Template::parse(CREATED, "Halo {nama}").expect("a template");
    assert_eq!((template.source(), template.kind()), ("Halo {nama}", CREATED));
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let unknown = |line, column, name: &str| TemplateError::UnknownVariable {
        at: at(line, column),
        name: name.to_owned(),
    };
    assert_eq!(
        refused("Halo {nama},\nkode {voucher_code}"),
        unknown(2, 6, "voucher_code")
    );
    assert_eq!(
        refused("Halo {nama},\n  é {{ sandi }} {sandi}"),
        unknown(2, 17, "sandi")
    );
    assert_eq!(refused("sandi {{ nama }}\n{{ sandi }}"), unknown(2, 4, "sandi"));
    assert_eq!(
        refused("{nama} {hari_terlambat}"),
        unknown(1, 8, "hari_terlambat")
    );
    let syntax = refused("{nama}\n{nama} {% if nama %}");
    assert!(
        matches!(
            syntax,
            TemplateError::Syntax {
                at: Position { line: 2, .. },
                ..
            }
        ),
        "{syntax:?}"
    );
    let filter = refused("Halo {nama} {{ nama | md5 }}");
    assert!(matches!(filter, TemplateError::NotOffered { .. }), "{filter:?}");
    assert_eq!(filter.position().map(|at| at.line), Some(1));
    assert_eq!(filter.code(), Code::ValidationError);
    assert_eq!(
        refused("").params(),
        serde_json::json!({ "rule": "required", "position": null })
    );
}

#[test]
fn a_template_cannot_run_for_long_or_grow_too_long() {
    let loops = "{% for a in name %}{% for b in name %}{% for c in name %}{{ a }}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(refused(loops), TemplateError::TooMuchWork);
    assert_eq!(
        refused(&"x".repeat(MAX_SOURCE_CHARS + 1)),
        TemplateError::TooLong {
            chars: MAX_SOURCE_CHARS + 1
        }
    );
    let grows = "{link_bayar}".repeat(300);
    assert!(matches!(refused(&grows), TemplateError::TooLong { .. }));
    assert_eq!(refused(" \n{% if false %}x{% endif %}"), TemplateError::Empty);
}

#[test]
fn nothing_but_variables_can_be_reached() {
    for source in [
        "{{ range(3) }}",
        "{{ debug() }}",
        "{% include 'x' %}",
        "{% macro a() %}{% endmacro %}",
        "{{ name.foo }}",
        "{{ name.foo() }}",
        "{{ name.__class__ }}",
        "{{ 1 / 0 }}",
    ] {
        refused(source);
    }
}

#[test]
fn a_missing_value_is_an_error_and_never_a_blank() {
    let template = Template::parse(CREATED, "Halo {nama}, {jumlah}").expect("a template");
    let values = Values::new().with(Variable::Name, "Budi");
    assert_eq!(
        template.render(&values),
        Err(TemplateError::MissingValue { at: at(1, 14) })
    );
}

#[test]
fn customers_cannot_bring_formatting_or_lines_into_a_message() {
    let template = Template::parse(CREATED, "*{nama}* {link_bayar}").expect("a template");
    let values = Values::new()
        .with(
            Variable::Name,
            "*Budi*\n\n_Menang_ ~10~ `juta`\u{202e}! {{ amount }}",
        )
        .with(Variable::PayUrl, "https://bayar.example/a_b~c?x=*\n y");
    let text = template.render(&values).expect("a message");
    assert_eq!(
        text,
        "*Budi Menang 10 juta! {{ amount }}* https://bayar.example/a_b~c?x=*y"
    );
    assert!(!format!("{values:?}").contains("Budi"));
}

#[test]
fn dates_are_written_in_the_messages_language() {
    let date = NaiveDate::from_ymd_opt(2026, 8, 20).expect("a date");
    assert_eq!(long_date(date, Language::Id), "20 Agustus 2026");
    assert_eq!(long_date(date, Language::En), "20 August 2026");
}

#[test]
fn no_name_means_two_things() {
    let mut names: Vec<&str> = Variable::ALL
        .iter()
        .flat_map(|variable| variable.aliases().iter().copied().chain([variable.as_str()]))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_name_is_harmless(name in "\\PC{0,40}|[*_~`\n\r\t{}% a-z]{0,40}") {
        let template = Template::parse(CREATED, "Halo [{nama}]").expect("a template");
        let text = template.render(&Values::new().with(Variable::Name, &name)).expect("a message");
        prop_assert!(!text.contains(['*', '_', '~', '`', '\n', '\r']), "{}", text);
    }

    // Property 53: markup in input never comes out as markup.
    #[test]
    fn no_value_brings_markup_or_lines_into_any_text(value in "\\PC{1,40}|[<>/*_~`\n\r{}% a-z]{1,40}") {
        let shape = |text: &str| text.matches(['*', '_', '~', '`', '\n']).count();
        for (kind, language) in KINDS.into_iter().flat_map(|kind| LANGUAGES.map(|language| (kind, language))) {
            let template = Template::built_in(kind, language).expect("a template");
            let typed = Variable::of(kind).iter().filter(|variable| **variable != Variable::PayUrl);
            // A blank value would leave out what depends on it.
            let values = typed.fold(Values::sample(kind), |values, &variable| values.with(variable, &format!("x{value}")));
            let text = template.render(&values).expect("a message");
            let sample = template.preview().expect("a message");
            prop_assert_eq!(shape(&text), shape(&sample), "{}", text);
        }
    }

    #[test]
    fn any_source_is_a_template_or_a_typed_mistake(source in "[{}%# a-z|.\n]{0,60}|\\PC{0,60}") {
        if let Err(error) = Template::parse(CREATED, &source) {
            let lines = source.matches('\n').count() + 1;
            prop_assert!(error.position().is_none_or(|at| at.line <= lines && at.column >= 1), "{:?}", error);
        }
    }

    #[test]
    fn a_text_without_braces_stays_as_it_is(source in "[^{}]{1,60}") {
        let rewritten = rewrite(CREATED, &source).expect("no placeholder");
        prop_assert_eq!(rewritten.text, source);
    }

    #[test]
    fn positions_survive_the_rewrite(before in "[a-zé\n ]{0,20}", names in 0..4_usize) {
        let source = format!("{before}{}{{{{ nobody }}}}", "{nama}".repeat(names));
        let expected = Position::of(&source, source.len() - "nobody }}".len());
        prop_assert_eq!(refused(&source).position(), Some(expected));
    }
}
