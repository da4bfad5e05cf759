//! Letters by sample, and that nothing typed ever becomes markup.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const LANGUAGES: [Language; 2] = [Language::Id, Language::En];

fn unpaid() -> Unpaid {
    Unpaid {
        number: "INV/2027/04/0001".to_owned(),
        outstanding: Rupiah::try_new(150_000).expect("an amount"),
        due_on: Some("2027-04-15".parse().expect("a date")),
    }
}

fn facts(kind: LetterKind) -> Facts {
    let news = match kind {
        LetterKind::AddOnRejected => News::AddOnRejected {
            add_on: "white_label".to_owned(),
            reason: "belum lunas".to_owned(),
        },
        LetterKind::AddOnActivated => News::AddOnActivated {
            add_on: "white_label".to_owned(),
        },
        LetterKind::BillIssued => News::BillIssued(unpaid()),
        LetterKind::BillOverdue => News::BillOverdue(unpaid()),
        LetterKind::PanelLocked => News::PanelLocked {
            reason: "unpaid bill inv_1".to_owned(),
            unpaid: Some(unpaid()),
        },
        LetterKind::PanelUnlocked => News::PanelUnlocked,
        LetterKind::OwnerInvited => News::OwnerInvited,
        LetterKind::BackupFailed => News::BackupFailed {
            reason: "pg_dump failed: the disk is full".to_owned(),
        },
        _ => News::IsolirHeld {
            lines: 120,
            of: 400,
            usual: Some(25),
        },
    };
    Facts::new("Kayu Net", "Siti")
        .with_news(&news)
        .with_secret(
            SecretString::from("smpin_ABC-def_123"),
            Some(Url::parse("https://panel.kayu.example/app/").expect("a URL")),
        )
        .with_seen(&Seen {
            at: "26/11/2026 09:15 WIB".to_owned(),
            ip: Some("203.0.113.7".to_owned()),
            program: Some("Firefox/145".to_owned()),
        })
}

#[test]
fn every_letter_reads_as_it_should_in_both_languages() {
    let mut all = String::new();
    for language in LANGUAGES {
        for &kind in LetterKind::ALL {
            let letter = write(kind, language, &facts(kind));
            let text = letter.text();
            let text = text.expose_secret();
            writeln!(all, "--- {language:?} {kind:?}: {}\n\n{text}", letter.subject).expect("written");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_panel_that_is_locked_for_another_reason_is_said_to_be_locked_for_it() {
    let news = News::PanelLocked {
        reason: "penyalahgunaan".to_owned(),
        unpaid: None,
    };
    let facts = Facts::new("Kayu Net", "Siti").with_news(&news);
    let letter = write(LetterKind::PanelLocked, Language::Id, &facts);
    let text = letter.text();
    assert!(text.expose_secret().ends_with("\n\nAlasan: penyalahgunaan\n"));
}

#[test]
fn the_ticket_is_behind_the_hash_of_its_page() {
    let letter = write(
        LetterKind::EmailChange,
        Language::En,
        &facts(LetterKind::EmailChange),
    );
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

#[test]
fn a_letter_looks_like_its_operator() {
    let look = Look {
        logo: Some(HttpsUrl::parse("https://kayu.example/logo.png?a=1&b=2").expect("an address")),
        colour: Some(Colour::parse("#0a7cff").expect("a colour")),
        footer: Some("Matur nuwun <Kayu>".to_owned()),
    };
    let letter = write(
        LetterKind::EmailChanged,
        Language::Id,
        &Facts::new("Kayu \"Net\"", "Siti").with_look(look),
    );
    assert!(
        letter
            .text()
            .expose_secret()
            .ends_with("\n\nMatur nuwun <Kayu>\n")
    );
    insta::assert_snapshot!(letter.html().expose_secret());
}

proptest! {
    // Markup in names and programs never comes out as markup.
    #[test]
    fn what_was_typed_is_words(
        operator in "\\PC{0,20}[<>\"'&]{0,3}\\PC{0,10}", name in ".{0,20}<[a-z]{1,6}[^>]{0,6}>.{0,10}", program in ".{0,30}",
        which in 0..LetterKind::ALL.len(),
    ) {
        let news = News::AddOnRejected { add_on: name.clone(), reason: program.clone() };
        let facts = Facts::new(&operator, &name)
            .with_seen(&Seen { at: "-".to_owned(), ip: None, program: Some(program) })
            .with_news(&news);
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
