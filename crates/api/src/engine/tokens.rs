//! A look at the text before it is parsed: how many tokens, how deeply nested.
//!
//! The parser descends once per bracket on the thread's stack, so that 20 KB of `{a{a{a` would end the process. Here
//! nothing recurses.

/// What a text would cost the parser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) count: usize,
    /// Deepest nesting of braces, brackets and parentheses.
    pub(super) nesting: usize,
}

/// Counts without judging: what is not GraphQL is the parser's to refuse.
pub(super) fn count(text: &str) -> Tokens {
    let bytes = text.as_bytes();
    let mut tokens = Tokens::default();
    let mut open: usize = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of(bytes, at, |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'"' => end_of_string(bytes, at),
            b'{' | b'[' | b'(' => {
                open += 1;
                tokens.nesting = tokens.nesting.max(open);
                at + 1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                at + 1
            }
            _ if is_word(byte) => end_of(bytes, at, is_word),
            _ => at + 1,
        };
        tokens.count += 1;
    }
    tokens
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.') || !byte.is_ascii()
}

fn end_of(bytes: &[u8], from: usize, more: impl Fn(u8) -> bool) -> usize {
    let rest = &bytes[from..];
    from + rest.iter().position(|&byte| !more(byte)).unwrap_or(rest.len())
}

fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let block = bytes[from..].starts_with(b"\"\"\"");
    let mut at = from + if block { 3 } else { 1 };
    while at < bytes.len() {
        let rest = &bytes[at..];
        if block && rest.starts_with(b"\\\"\"\"") {
            at += 4;
        } else if block && rest.starts_with(b"\"\"\"") {
            return at + 3;
        } else if !block && rest[0] == b'\\' {
            at += 2;
        } else if !block && matches!(rest[0], b'"' | b'\n') {
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_brackets_are_tokens_and_comments_are_not() {
        for (text, tokens, nesting) in [
            ("", 0, 0),
            ("{a}", 3, 1),
            ("query Q($x: [Int!]) { a(x: $x) { b } } # {{{{", 23, 2),
            (r#"{a(s: "{{[[\"((")}"#, 8, 2),
            (r#"{a(s: """ {{ \""" " {{ """)}"#, 8, 2),
            (r#"{a(s: "{{"#, 6, 2),
            ("}}}}{", 5, 1),
            ("{a(x: -1.5e+3)}", 8, 2),
        ] {
            let found = count(text);
            assert_eq!((found.count, found.nesting), (tokens, nesting), "{text}");
        }
        assert_eq!(count(&"[".repeat(10_000)).nesting, 10_000);
    }
}
