//! Invoice numbers: a per-tenant pattern with a gapless counter that the issuing transaction allocates.

use chrono::{Datelike as _, NaiveDate};

use crate::text_type;

text_type! {
    /// The number that a customer reads on the bill, such as `INV/2026/11/0001`.
    InvoiceNumber, InvoiceNumberError: "an invoice number is 1 to 40 printable characters without blanks",
    pattern "^[!-~]{1,40}$",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

text_type! {
    /// `{YYYY}`, `{YY}`, `{MM}`, `{DD}` and one `{N…}`, the counter with at least as many digits as there are Ns.
    InvoiceNumberPattern, InvoiceNumberPatternError: "a number pattern has one counter like NNNN in braces, and only the known date parts",
    pattern "^[^{}]*(\\{(YYYY|YY|MM|DD|N{1,9})\\}[^{}]*)+$",
    |text| text.len() <= 40 && parts(text).is_some_and(|parts| {
        parts.iter().filter(|part| matches!(part, Part::Counter(_))).count() == 1
            && parts.iter().all(|part| match part {
                Part::Text(text) => text.bytes().all(|byte| byte.is_ascii_graphic()),
                Part::Year | Part::ShortYear | Part::Month | Part::Day | Part::Counter(_) => true,
            })
    })
}

enum Part<'a> {
    Text(&'a str),
    Year,
    ShortYear,
    Month,
    Day,
    Counter(usize),
}

fn parts(mut text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    while let Some(open) = text.find('{') {
        let (before, rest) = text.split_at(open);
        let (name, after) = rest.strip_prefix('{')?.split_once('}')?;
        parts.push(Part::Text(before));
        parts.push(match name {
            "YYYY" => Part::Year,
            "YY" => Part::ShortYear,
            "MM" => Part::Month,
            "DD" => Part::Day,
            counter if (1..=9).contains(&counter.len()) && counter.bytes().all(|byte| byte == b'N') => {
                Part::Counter(counter.len())
            }
            _ => return None,
        });
        text = after;
    }
    if text.contains('}') {
        return None;
    }
    parts.push(Part::Text(text));
    Some(parts)
}

impl Default for InvoiceNumberPattern {
    fn default() -> Self {
        Self("INV/{YYYY}/{MM}/{NNNN}".to_owned())
    }
}

impl InvoiceNumberPattern {
    /// The `counter`th number of the scope that [`Self::scope`] names.
    pub fn render(&self, issued_on: NaiveDate, counter: u64) -> InvoiceNumber {
        InvoiceNumber(self.fill(issued_on, &|width| format!("{counter:0width$}")))
    }

    /// What the counter counts within: the pattern with its date parts filled in. A monthly pattern begins
    /// again at 1 each month, one without dates never does.
    pub fn scope(&self, issued_on: NaiveDate) -> String {
        self.fill(issued_on, &|_| "#".to_owned())
    }

    fn fill(&self, date: NaiveDate, counter: &dyn Fn(usize) -> String) -> String {
        // INVARIANT: the text was checked when it was parsed.
        parts(&self.0)
            .unwrap_or_default()
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Year => format!("{:04}", date.year()),
                Part::ShortYear => format!("{:02}", date.year().rem_euclid(100)),
                Part::Month => format!("{:02}", date.month()),
                Part::Day => format!("{:02}", date.day()),
                Part::Counter(width) => counter(width),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pattern_counts_within_a_month() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 20).expect("date");
        let pattern = InvoiceNumberPattern::default();
        assert_eq!(pattern.render(date, 7).as_str(), "INV/2026/11/0007");
        assert_eq!(pattern.render(date, 12_345).as_str(), "INV/2026/11/12345");
        assert_eq!(pattern.scope(date), "INV/2026/11/#");
        assert_eq!(InvoiceNumberPattern::parse(pattern.as_str()), Ok(pattern));
    }

    #[test]
    fn a_pattern_without_exactly_one_counter_is_refused() {
        for text in ["", "INV", "{N}{N}", "{YYYY", "N}", "{Q}{N}", "{}{N}", "A {N}"] {
            assert_eq!(
                InvoiceNumberPattern::parse(text),
                Err(InvoiceNumberPatternError),
                "{text}"
            );
        }
    }
}
