//! A text is the operator's own until it is reset.

use proptest::prelude::*;

use super::*;
use crate::{
    given::{after, at, check_replay, words},
    messaging::MessageKind,
    tenancy::Language,
};

fn write(kind: MessageKind, source: &str) -> MessageTextsCommand {
    MessageTextsCommand::Write {
        kind,
        language: Language::Id,
        source: source.to_owned(),
        at: at(0),
    }
}

fn reset(kind: MessageKind) -> MessageTextsCommand {
    MessageTextsCommand::Reset {
        kind,
        language: Language::Id,
        at: at(1),
    }
}

const PAID: MessageKind = MessageKind::InvoicePaid;

#[test]
fn a_text_counts_for_its_kind_and_language_until_it_is_reset() {
    let own: MessageTexts = after([write(PAID, "Lunas, {nama}")]);
    assert_eq!(own.own(PAID, Language::Id), Some("Lunas, {nama}"));
    assert_eq!(own.own(PAID, Language::En), None);
    assert_eq!(own.own(MessageKind::InvoiceOverdue, Language::Id), None);
    assert_eq!(words(&own, write(PAID, "Lunas, {nama}")), Ok("-".to_owned()));
    let back: MessageTexts = after([write(PAID, "Lunas, {nama}"), reset(PAID)]);
    assert_eq!(back.own(PAID, Language::Id), None);
    assert_eq!(words(&back, reset(PAID)), Ok("-".to_owned()));
}

#[test]
fn a_text_of_nothing_or_of_too_much_is_refused() {
    let nothing = MessageTexts::default();
    for source in [" \n".to_owned(), "x".repeat(MAX_TEMPLATE_CHARS + 1)] {
        assert_eq!(
            words(&nothing, write(PAID, &source)),
            Err(MessageTextsError::Length)
        );
    }
}

proptest! {
    // Property 74: replaying the events gives the state.
    #[test]
    fn the_events_of_texts_give_their_state(
        choices in prop::collection::vec((any::<bool>(), 0..MessageKind::ALL.len(), "[a-c]{0,2}"), 1..30),
    ) {
        let commands: Vec<MessageTextsCommand> = choices
            .iter()
            .map(|(writes, kind, source)| {
                let kind = MessageKind::ALL[*kind];
                if *writes { write(kind, source) } else { reset(kind) }
            })
            .collect();
        check_replay::<MessageTexts>(&commands, |_| true);
    }
}
