//! Filters and orders of the lists that people work with (`facts/graphql.md` 6.3, L6 and L7).
//!
//! A filter has a comparator per field, and `and`, `or` and `not` of other filters. Everything that is given must hold.
//! What a row has no value for passes no comparator; a `not` of it does.

use async_graphql::{Enum, ID, InputObject, InputType};
use simpul_domain::Code;
use simpul_projections::sift::{self, Column, Sieve, Test};

use super::scalar::{Date, DateTime, MoneyInput};
use crate::ApiError;

/// Most filters inside each other.
const MAX_DEPTH: usize = 3;
/// Most comparisons of a filter, and most filters in one list of it: empty ones are to be read too.
const MAX_TESTS: usize = 20;
/// Most values of one comparison.
const MAX_VALUES: usize = 100;
/// Most keys of an order.
const MAX_KEYS: usize = 3;

fn refused(text: impl Into<String>) -> ApiError {
    ApiError::new(Code::ValidationError, text)
}

/// Compares one field.
pub(super) trait Comparator {
    fn tests(&self) -> Result<Vec<Test>, ApiError>;
}

/// A filter as its type declares it, see [`filter`].
pub(super) trait Filter: Sized {
    /// Its own comparators, by the columns that they compare.
    fn compared(&self) -> Vec<(&'static Column, &dyn Comparator)>;

    /// Those of `and`, of `or`, and of `not`.
    fn parts(&self) -> (Option<&[Self]>, Option<&[Self]>, Option<&Self>);
}

/// What a filter lets pass; everything without one.
pub(super) fn sieve<F: Filter>(filter: Option<&F>) -> Result<Sieve, ApiError> {
    let mut left = MAX_TESTS;
    filter.map_or(Ok(Sieve::All(Vec::new())), |filter| {
        part(filter, MAX_DEPTH, &mut left)
    })
}

fn part<F: Filter>(filter: &F, depth: usize, left: &mut usize) -> Result<Sieve, ApiError> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(refused(format!("filter has at most {MAX_DEPTH} levels")));
    };
    let mut all = Vec::new();
    for (column, comparator) in filter.compared() {
        for test in comparator.tests()? {
            let counted = left.checked_sub(1);
            *left = counted.ok_or_else(|| refused(format!("filter has at most {MAX_TESTS} comparisons")))?;
            all.push(Sieve::Test(column, test));
        }
    }
    let (and, or, not) = filter.parts();
    if [and, or].into_iter().flatten().any(|list| list.len() > MAX_TESTS) {
        return Err(refused(format!("and and or have at most {MAX_TESTS} filters")));
    }
    for other in and.unwrap_or_default() {
        all.push(part(other, below, left)?);
    }
    if let Some(others) = or {
        let any: Result<_, _> = others.iter().map(|other| part(other, below, left)).collect();
        all.push(Sieve::Any(any?));
    }
    if let Some(other) = not {
        all.push(Sieve::Not(Box::new(part(other, below, left)?)));
    }
    Ok(Sieve::All(all))
}

/// Declares the filter of a list: `filter! { /// … InvoiceFilter { /// … due_on: DateComparator = invoice_list::DUE_ON, } }`.
macro_rules! filter {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $comparator:ty = $column:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Default, async_graphql::InputObject)]
        pub(crate) struct $name {
            $($(#[$field_doc])* $field: Option<$comparator>,)+
            /// Each of these holds too.
            and: Option<Vec<Self>>,
            /// One of these holds too.
            or: Option<Vec<Self>>,
            /// This does not hold.
            not: Option<Box<Self>>,
        }

        impl $crate::graphql::sift::Filter for $name {
            fn compared(
                &self,
            ) -> Vec<(&'static simpul_projections::sift::Column, &dyn $crate::graphql::sift::Comparator)> {
                let mut compared: Vec<(_, &dyn $crate::graphql::sift::Comparator)> = Vec::new();
                $(if let Some(comparator) = &self.$field {
                    compared.push(($column, comparator));
                })+
                compared
            }

            fn parts(&self) -> (Option<&[Self]>, Option<&[Self]>, Option<&Self>) {
                (self.and.as_deref(), self.or.as_deref(), self.not.as_deref())
            }
        }
    };
}
pub(super) use filter;

/// Which way a key of an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    /// Small, early and A first.
    Asc,
    /// Large, late and Z first.
    Desc,
}

/// Declares the order of a list: `order! { InvoiceOrder by InvoiceOrderField { /// … DueOn = invoice_list::DUE_ON, } }`.
macro_rules! order {
    ($name:ident by $fields:ident { $($(#[$doc:meta])* $field:ident = $column:expr,)+ }) => {
        /// What a list is ordered by. More may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
        pub(crate) enum $fields {
            $($(#[$doc])* $field,)+
        }

        /// One key of an order.
        #[derive(Debug, Clone, Copy, async_graphql::InputObject)]
        pub(crate) struct $name {
            /// By what.
            field: $fields,
            /// Which way.
            direction: $crate::graphql::sift::OrderDirection,
        }

        impl From<$name> for simpul_projections::sift::Order {
            fn from(key: $name) -> Self {
                Self {
                    column: match key.field {
                        $($fields::$field => $column,)+
                    },
                    descending: key.direction == $crate::graphql::sift::OrderDirection::Desc,
                }
            }
        }
    };
}
pub(super) use order;

/// An order of at most three keys, none of them twice.
pub(super) fn order_of<K: Into<sift::Order>>(keys: Option<Vec<K>>) -> Result<Vec<sift::Order>, ApiError> {
    let order: Vec<sift::Order> = keys.unwrap_or_default().into_iter().map(Into::into).collect();
    if order.len() > MAX_KEYS {
        return Err(refused(format!("orderBy has at most {MAX_KEYS} keys")));
    }
    for (at, key) in order.iter().enumerate() {
        if order
            .iter()
            .skip(at + 1)
            .any(|other| other.column.name == key.column.name)
        {
            return Err(refused("orderBy names a field twice"));
        }
    }
    Ok(order)
}

/// The tests of a comparator, from its parts.
#[derive(Default)]
struct Tests(Vec<Test>);

impl Tests {
    fn add(mut self, test: impl FnOnce(String) -> Test, value: Option<String>) -> Self {
        self.0.extend(value.map(test));
        self
    }

    fn add_list(
        mut self,
        test: impl FnOnce(Vec<String>) -> Test,
        values: Option<Vec<String>>,
    ) -> Result<Self, ApiError> {
        if values.as_ref().is_some_and(|values| values.len() > MAX_VALUES) {
            return Err(refused(format!("a comparison has at most {MAX_VALUES} values")));
        }
        self.0.extend(values.map(test));
        Ok(self)
    }
}

/// Compares an id. What cannot be an id is nobody's.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct IdComparator {
    /// It is this one.
    eq: Option<ID>,
    /// It is one of these, at most 100.
    r#in: Option<Vec<ID>>,
    /// It is none of these, at most 100.
    nin: Option<Vec<ID>>,
    /// Whether there is none.
    is_null: Option<bool>,
}

impl Comparator for IdComparator {
    fn tests(&self) -> Result<Vec<Test>, ApiError> {
        let texts = |ids: &Option<Vec<ID>>| {
            ids.as_ref()
                .map(|ids| ids.iter().map(|id| id.to_string()).collect())
        };
        let mut tests = Tests::default()
            .add(Test::Is, self.eq.as_ref().map(|id| id.to_string()))
            .add_list(Test::IsOneOf, texts(&self.r#in))?
            .add_list(Test::IsNoneOf, texts(&self.nin))?;
        tests.0.extend(self.is_null.map(|null| Test::IsThere(!null)));
        Ok(tests.0)
    }
}

/// Compares a text.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct TextComparator {
    /// It is exactly this.
    eq: Option<String>,
    /// It is one of these, at most 100.
    r#in: Option<Vec<String>>,
    /// It begins with this.
    starts_with: Option<String>,
    /// It contains this, whatever the capitals.
    contains: Option<String>,
}

impl Comparator for TextComparator {
    fn tests(&self) -> Result<Vec<Test>, ApiError> {
        let tests = Tests::default()
            .add(Test::Is, self.eq.clone())
            .add_list(Test::IsOneOf, self.r#in.clone())?
            .add(Test::StartsWith, self.starts_with.clone())
            .add(Test::Contains, self.contains.clone());
        without_nul(tests)
    }
}

/// Compares what is so or is not.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct BooleanComparator {
    /// It is so, or it is not.
    eq: Option<bool>,
}

impl Comparator for BooleanComparator {
    fn tests(&self) -> Result<Vec<Test>, ApiError> {
        Ok(Tests::default().add(Test::Is, self.eq.map(|so| so.to_string())).0)
    }
}

/// Looks for a name among several.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct NamesComparator {
    /// This is one of them.
    contains: Option<String>,
    /// One of these is one of them, at most 100.
    contains_any: Option<Vec<String>>,
}

impl Comparator for NamesComparator {
    fn tests(&self) -> Result<Vec<Test>, ApiError> {
        let tests = Tests::default()
            .add(Test::Is, self.contains.clone())
            .add_list(Test::IsOneOf, self.contains_any.clone())?;
        without_nul(tests)
    }
}

/// PostgreSQL has no text with a NUL.
fn without_nul(tests: Tests) -> Result<Vec<Test>, ApiError> {
    let with_nul = |test: &Test| match test {
        Test::Is(text) | Test::StartsWith(text) | Test::Contains(text) => text.contains('\0'),
        Test::IsOneOf(texts) => texts.iter().any(|text| text.contains('\0')),
        _ => false,
    };
    if tests.0.iter().any(with_nul) {
        return Err(refused("a text has no NUL"));
    }
    Ok(tests.0)
}

/// Declares a comparator of values with an order.
macro_rules! ordered {
    ($(#[$doc:meta])* $name:ident of $value:ty, $text:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, InputObject)]
        pub(crate) struct $name {
            /// It is this.
            eq: Option<$value>,
            /// It is more or later than this.
            gt: Option<$value>,
            /// It is this, or more or later.
            gte: Option<$value>,
            /// It is less or earlier than this.
            lt: Option<$value>,
            /// It is this, or less or earlier.
            lte: Option<$value>,
        }

        impl Comparator for $name {
            fn tests(&self) -> Result<Vec<Test>, ApiError> {
                let text = |value: &Option<$value>| value.as_ref().map($text).transpose();
                let tests = Tests::default()
                    .add(Test::Is, text(&self.eq)?)
                    .add(Test::MoreThan, text(&self.gt)?)
                    .add(Test::AtLeast, text(&self.gte)?)
                    .add(Test::LessThan, text(&self.lt)?)
                    .add(Test::AtMost, text(&self.lte)?);
                Ok(tests.0)
            }
        }
    };
}

ordered! {
    /// Compares a date.
    DateComparator of Date, |date: &Date| Ok::<_, ApiError>(date.0.to_string())
}
ordered! {
    /// Compares an instant.
    DateTimeComparator of DateTime, |at: &DateTime| Ok::<_, ApiError>(at.0.to_rfc3339())
}
ordered! {
    /// Compares a number.
    IntComparator of i32, |number: &i32| Ok::<_, ApiError>(number.to_string())
}
ordered! {
    /// Compares an amount.
    MoneyComparator of MoneyInput, |amount: &MoneyInput| {
        let rupiah = amount.rupiah().ok_or_else(|| refused("an amount is whole rupiah"))?;
        Ok::<_, ApiError>(rupiah.get().to_string())
    }
}

/// Compares a word of the schema.
#[derive(Debug, Clone, InputObject)]
#[graphql(concrete(name = "MessageKindComparator", params(super::messaging::MessageKind)))]
#[graphql(concrete(name = "MessageChannelComparator", params(super::messaging::MessageChannel)))]
#[graphql(concrete(name = "MessageStatusComparator", params(super::messaging::MessageStatus)))]
#[graphql(concrete(name = "InvoiceStatusComparator", params(super::billing::InvoiceStatus)))]
#[graphql(concrete(
    name = "SubscriptionStatusComparator",
    params(super::subscriptions::SubscriptionStatus)
))]
#[graphql(concrete(name = "TenantStatusComparator", params(super::platform::TenantStatus)))]
#[graphql(concrete(name = "UserStatusComparator", params(super::identity::UserStatus)))]
pub(crate) struct WordComparator<T: InputType> {
    /// It is this one.
    eq: Option<T>,
    /// It is another than this.
    neq: Option<T>,
    /// It is one of these.
    r#in: Option<Vec<T>>,
    /// It is none of these.
    nin: Option<Vec<T>>,
}

/// A word of the schema as the read models have it.
pub(super) trait Stored: InputType + Copy {
    fn stored(self) -> String;
}

impl<T: Stored> Comparator for WordComparator<T> {
    fn tests(&self) -> Result<Vec<Test>, ApiError> {
        let words = |words: &Option<Vec<T>>| {
            let words = words.as_ref();
            words.map(|words| words.iter().map(|word| word.stored()).collect())
        };
        let tests = Tests::default()
            .add(Test::Is, self.eq.map(T::stored))
            .add_list(Test::IsNoneOf, self.neq.map(|other| vec![other.stored()]))?
            .add_list(Test::IsOneOf, words(&self.r#in))?
            .add_list(Test::IsNoneOf, words(&self.nin))?;
        Ok(tests.0)
    }
}

/// What lets pass whatever has the term in one of these columns, whatever the capitals.
pub(super) fn within(columns: &[&'static Column], term: &str) -> Sieve {
    let tests = columns
        .iter()
        .map(|column| Sieve::Test(column, Test::Contains(term.to_owned())));
    Sieve::Any(tests.collect())
}

/// What is searched for: 2 to 100 characters.
pub(super) fn term(text: &str) -> Result<&str, ApiError> {
    let term = text.trim();
    if (2..=100).contains(&term.chars().count()) {
        Ok(term)
    } else {
        Err(refused("search has 2 to 100 characters"))
    }
}
