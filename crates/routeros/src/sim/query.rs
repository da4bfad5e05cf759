//! The stack machine behind `?` words.

use std::cmp::Ordering;
use std::net::Ipv4Addr;

use super::table::Properties;
use crate::values::parse_duration;

/// The query is not a program for the stack machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadQuery;

/// Whether a row is kept: no `false` is left on the stack. The words come without their question mark.
pub(super) fn keeps(words: &[&[u8]], row: &Properties) -> Result<bool, BadQuery> {
    let mut stack = Vec::new();
    for word in words {
        match word {
            [b'#', operations @ ..] => operate(operations, &mut stack)?,
            [b'-', name @ ..] => stack.push(value(row, name).is_none()),
            [b'<', test @ ..] => stack.push(compare(row, test)? == Some(Ordering::Less)),
            [b'>', test @ ..] => stack.push(compare(row, test)? == Some(Ordering::Greater)),
            [b'=', test @ ..] => stack.push(equals(row, test)?),
            test if test.contains(&b'=') => stack.push(equals(row, test)?),
            name => stack.push(value(row, name).is_some()),
        }
    }
    Ok(!stack.contains(&false))
}

fn value<'a>(row: &'a Properties, name: &[u8]) -> Option<&'a [u8]> {
    row.get(std::str::from_utf8(name).ok()?).map(Vec::as_slice)
}

fn split(test: &[u8]) -> Result<(&[u8], &[u8]), BadQuery> {
    let end = test.iter().position(|byte| *byte == b'=').ok_or(BadQuery)?;
    Ok((&test[..end], &test[end + 1..]))
}

fn equals(row: &Properties, test: &[u8]) -> Result<bool, BadQuery> {
    let (name, wanted) = split(test)?;
    let Some(found) = value(row, name) else {
        return Ok(false);
    };
    Ok(found == wanted || same_flag(found, wanted))
}

fn same_flag(found: &[u8], wanted: &[u8]) -> bool {
    matches!(
        (found, wanted),
        (b"true", b"yes") | (b"false", b"no") | (b"yes", b"true") | (b"no", b"false")
    )
}

fn compare(row: &Properties, test: &[u8]) -> Result<Option<Ordering>, BadQuery> {
    let (name, wanted) = split(test)?;
    Ok(value(row, name).map(|found| order(found, wanted)))
}

/// Numbers, addresses and durations by size, everything else by its bytes.
fn order(left: &[u8], right: &[u8]) -> Ordering {
    let texts = (std::str::from_utf8(left), std::str::from_utf8(right));
    let (Ok(one), Ok(other)) = texts else {
        return left.cmp(right);
    };
    if let (Ok(one), Ok(other)) = (one.parse::<i64>(), other.parse::<i64>()) {
        return one.cmp(&other);
    }
    if let (Ok(one), Ok(other)) = (one.parse::<Ipv4Addr>(), other.parse::<Ipv4Addr>()) {
        return one.cmp(&other);
    }
    if let (Ok(one), Ok(other)) = (parse_duration(one), parse_duration(other)) {
        return one.cmp(&other);
    }
    left.cmp(right)
}

/// `!`, `&`, `|`; a number is an index counted from the top: followed by another character it copies that value,
/// at the end of the word it leaves only that value; `.` after an index does nothing, else it copies the top.
fn operate(operations: &[u8], stack: &mut Vec<bool>) -> Result<(), BadQuery> {
    let mut rest = operations;
    let mut after_index = false;
    while let Some((&operation, tail)) = rest.split_first() {
        if operation.is_ascii_digit() {
            let end = rest
                .iter()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(rest.len());
            let picked = at_index(&rest[..end], stack)?;
            rest = &rest[end..];
            if rest.is_empty() {
                stack.clear();
            }
            stack.push(picked);
            after_index = true;
            continue;
        }
        match operation {
            b'!' => {
                let top = stack.pop().ok_or(BadQuery)?;
                stack.push(!top);
            }
            b'&' | b'|' => {
                let (one, other) = (stack.pop().ok_or(BadQuery)?, stack.pop().ok_or(BadQuery)?);
                stack.push(if operation == b'&' {
                    one && other
                } else {
                    one || other
                });
            }
            b'.' if after_index => {}
            b'.' => stack.push(*stack.last().ok_or(BadQuery)?),
            _ => return Err(BadQuery),
        }
        after_index = false;
        rest = tail;
    }
    Ok(())
}

fn at_index(digits: &[u8], stack: &[bool]) -> Result<bool, BadQuery> {
    let index: usize = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(BadQuery)?;
    stack.iter().rev().nth(index).copied().ok_or(BadQuery)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(words: &[&str]) -> Result<bool, BadQuery> {
        let row = [
            ("name", "budi"),
            ("n", "9"),
            ("disabled", "false"),
            ("comment", "x"),
        ];
        let row = row
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        keeps(&words, &row)
    }

    #[test]
    fn every_kind_of_test_is_evaluated() {
        for (words, expected) in [
            (&["name"][..], true),
            (&["-name"], false),
            (&["-email"], true),
            (&["name=budi"], true),
            (&["=name=budi"], true),
            (&["name=ani"], false),
            (&["<n=10"], true),
            (&[">n=10"], false),
            (&[">comment="], true),
            (&[">email="], false),
            (&["disabled=no"], true),
            (&[], true),
        ] {
            assert_eq!(kept(words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn operations_follow_the_manual() {
        for (words, expected) in [
            (&["name=budi", "name=ani"][..], false),
            (&["name=budi", "name=ani", "#|"], true),
            (&["name=budi", "name=ani", "#&"], false),
            (&["name=ani", "#!"], true),
            (&["name=ani", "name=budi", "#!", "#|", "#!"], true),
            (&["name=ani", "name=budi", "#0"], true),
            (&["name=budi", "name=ani", "#0"], false),
            (&["name=ani", "name=budi", "#1!"], false),
            (&["name=budi", "#.&"], true),
            (&["name=budi", "#0.&"], true),
        ] {
            assert_eq!(kept(words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn a_program_that_underflows_is_refused() {
        for words in [
            &["#|"][..],
            &["name", "#&"],
            &["#!"],
            &["name", "#7"],
            &["name", "#x"],
            &["<n"],
            &["#."],
        ] {
            assert_eq!(kept(words), Err(BadQuery), "{words:?}");
        }
    }
}
