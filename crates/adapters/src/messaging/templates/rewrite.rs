//! `{name}`, as other products spell placeholders, becomes `{{ name }}` when a template is saved.

use simpul_domain::messaging::MessageKind;

use super::{Position, TemplateError, Variable};

/// A template in the engine's spelling, and the way back to what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) text: String,
    pieces: Vec<Piece>,
}

/// Where a stretch of the text begins, here and in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    here: usize,
    source: usize,
    verbatim: bool,
}

impl Rewritten {
    /// Where in the source this byte came from; inside a rewritten placeholder, its beginning.
    pub(super) fn source_offset(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.here <= offset);
        match after.checked_sub(1).and_then(|at| self.pieces.get(at)) {
            Some(piece) if piece.verbatim => piece.source + (offset - piece.here),
            Some(piece) => piece.source,
            None => offset,
        }
    }

    fn copy(&mut self, source: usize, text: &str) {
        self.pieces.push(Piece {
            here: self.text.len(),
            source,
            verbatim: true,
        });
        self.text.push_str(text);
    }

    fn replace(&mut self, source: usize, text: &str) {
        self.pieces.push(Piece {
            here: self.text.len(),
            source,
            verbatim: false,
        });
        self.text.push_str(text);
    }
}

/// Blocks of the engine are left alone; a brace that opens no name is an ordinary brace.
pub(super) fn rewrite(kind: MessageKind, source: &str) -> Result<Rewritten, TemplateError> {
    let mut out = Rewritten {
        text: String::with_capacity(source.len() + 32),
        pieces: Vec::new(),
    };
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        let open = at + found;
        out.copy(at, &source[at..open]);
        at = open + copy_or_rewrite(kind, source, open, &mut out)?;
    }
    out.copy(at, &source[at..]);
    Ok(out)
}

/// Deals with what begins at a brace and says how many bytes that was.
fn copy_or_rewrite(
    kind: MessageKind,
    source: &str,
    open: usize,
    out: &mut Rewritten,
) -> Result<usize, TemplateError> {
    let rest = &source[open..];
    for (begin, end) in [("{{", "}}"), ("{%", "%}"), ("{#", "#}")] {
        if rest.starts_with(begin) {
            let length = rest.find(end).map_or(rest.len(), |found| found + end.len());
            out.copy(open, &rest[..length]);
            return Ok(length);
        }
    }
    let Some((name, length)) = placeholder(rest) else {
        out.copy(open, "{");
        return Ok(1);
    };
    let at = || Position::of(source, open);
    let variable =
        Variable::named(kind, &name.to_ascii_lowercase()).ok_or_else(|| TemplateError::UnknownVariable {
            at: at(),
            name: name.to_owned(),
        })?;
    out.replace(open, &format!("{{{{ {} }}}}", variable.as_str()));
    Ok(length)
}

/// The name of `{name}` or `{ name }` at the beginning, and the placeholder's length.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let close = text.find('}')?;
    let name = text.get(1..close)?.trim_matches(' ');
    let mut letters = name.bytes();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == b'_');
    let continues = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
    (begins && continues).then_some((name, close + 1))
}
