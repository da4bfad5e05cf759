//! Letters by sample, and that nothing typed ever becomes markup.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const LANGUAGES: [Language; 2] = [Language::Id, Language::En];

fn facts() -> Facts {
    Facts::new("Kayu Net", "Siti")
        .with_secret(
            SecretString::from("smpin_ABC-def_123"),
            Some(Url::parse("https://panel.kayu.example/app/").expect("a URL")),
        )
        .with_seen(&Seen {
            at: "26/11/2026 09:15 WIB".to_owned(),
            ip: Some("203.0.113.7".to_owned()),
            program: Some("Firefox/145".to_owned()),
        })
        .with_said("pg_dump failed: the disk is full")
}

#[test]
fn every_letter_reads_as_it_should_in_both_languages() {
    let mut all = String::new();
    for language in LANGUAGES {
        for &kind in LetterKind::ALL {
            let letter = write(kind, language, &facts());
            let text = letter.text();
            let text = text.expose_secret();
            writeln!(all, "--- {language:?} {kind:?}: {}\n\n{text}", letter.subject).expect("written");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_ticket_is_behind_the_hash_of_its_page() {
    let letter = write(LetterKind::EmailChange, Language::En, &facts());
    let link = "https://panel.kayu.example/app/email-change#smpin_ABC-def_123";
    assert!(letter.text().expose_secret().contains(link));
    let html = letter.html();
    assert!(
        html.expose_secret().contains(
            "href=\"https:&#x2f;&#x2f;panel.kayu.example&#x2f;app&#x2f;email-change#smpin_ABC-def_123\""
        ),
        "{}",
        html.expose_secret()
    );
}

proptest! {
    // Markup in names and programs never comes out as markup.
    #[test]
    fn what_was_typed_is_words(
        operator in "\\PC{0,20}[<>\"'&]{0,3}\\PC{0,10}", name in ".{0,20}<[a-z]{1,6}[^>]{0,6}>.{0,10}", program in ".{0,30}",
        which in 0..LetterKind::ALL.len(),
    ) {
        let facts = Facts::new(&operator, &name).with_seen(&Seen { at: "-".to_owned(), ip: None, program: Some(program.clone()) })
            .with_said(&program);
        for language in LANGUAGES {
            let letter = write(LetterKind::ALL[which], language, &facts);
            let plain = write(LetterKind::ALL[which], language, &Facts::new("x", "x"));
            let tags = |letter: &Written| letter.html().expose_secret().matches('<').count();
            prop_assert_eq!(tags(&letter), tags(&plain));
            let subject = &letter.subject;
            prop_assert!(!subject.contains(['\r', '\n']));
        }
    }
}
