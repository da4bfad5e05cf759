//! A small schema that misbehaves.

use std::{
    future::ready,
    sync::atomic::{AtomicBool, Ordering},
};

use async_graphql::{Context, EmptyMutation, Object, Result, Schema, SimpleObject, Subscription};
use futures_util::stream;
use serde_json::json;

use super::*;

/// Tells when it is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[derive(SimpleObject)]
struct Row {
    id: i32,
}

/// Odd ones have nothing that they must have.
struct Kid(i32);

#[Object]
impl Kid {
    async fn id(&self) -> i32 {
        self.0
    }

    async fn needed(&self) -> Result<i32> {
        let needed = match self.0 % 2 {
            0 => Ok(self.0),
            _ => Err("as it should".into()),
        };
        ready(needed).await
    }

    async fn wanted(&self) -> Result<Option<i32>> {
        ready(Err("as it should".into())).await
    }
}

struct Query;

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn panics(&self) -> i32 {
        let nothing = "as it should".parse::<i32>();
        nothing.expect("as it should")
    }

    async fn never(&self, context: &Context<'_>) -> Option<i32> {
        let _dropped = context.data::<Arc<AtomicBool>>().ok().cloned().map(Flag);
        std::future::pending().await
    }

    async fn kid(&self) -> Option<Kid> {
        Some(Kid(1))
    }

    async fn must(&self) -> Kid {
        Kid(1)
    }

    async fn kids(&self) -> Vec<Option<Kid>> {
        vec![Some(Kid(1)), Some(Kid(2))]
    }

    async fn items(&self) -> Vec<Option<Result<i32>>> {
        vec![Some(Ok(1)), Some(Err("as it should".into())), None]
    }

    async fn sure_items(&self) -> Option<Vec<Result<i32>>> {
        Some(vec![Ok(1), Err("as it should".into())])
    }

    async fn all_sure(&self) -> Vec<Result<i32>> {
        vec![Ok(1), Err("as it should".into())]
    }

    async fn rows(&self, first: Option<i32>) -> Vec<Row> {
        (0..first.unwrap_or(1)).map(|id| Row { id }).collect()
    }
}

struct Events;

#[Subscription]
impl Events {
    async fn numbers(&self) -> impl futures_util::Stream<Item = i32> {
        stream::iter(1..).map(|number| {
            assert!(number < 3, "as it should");
            number
        })
    }
}

fn engine(deadline: Duration) -> Engine<Schema<Query, EmptyMutation, Events>> {
    let schema = Schema::new(Query, EmptyMutation, Events);
    let sdl = schema.sdl();
    Engine::new(schema, &sdl, Library::default(), 100, deadline)
}

fn prepared(
    engine: &Engine<Schema<Query, EmptyMutation, Events>>,
    query: &str,
) -> Result<Prepared, ApiError> {
    engine.prepare(Operation::from_value(&json!({ "query": query }))?)
}

const LONG: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_panicking_resolver_answers_an_internal_error_and_the_next_operation_runs() {
    let engine = engine(LONG);
    let panics = prepared(&engine, "{hello panics}").expect("prepared");
    let answered = engine
        .execute(&panics, &Asker::unknown(), |request| request)
        .await;
    assert_eq!(answered, Err(ApiError::internal()));
    let hello = prepared(&engine, "{hello}").expect("prepared");
    let answered = engine.execute(&hello, &Asker::unknown(), |request| request).await;
    let answered = answered.map(|executed| executed.answered.into_value());
    assert_eq!(answered, Ok(json!({ "data": { "hello": "world" } })));
}

#[tokio::test]
async fn a_panicking_stream_ends_with_an_internal_error() {
    let engine = engine(LONG);
    let numbers = prepared(&engine, "subscription{numbers}").expect("prepared");
    let seen: Vec<_> = engine
        .stream(numbers, Asker::unknown(), |request| request)
        .collect()
        .await;
    let number = |number: i32| Ok(json!({ "data": { "numbers": number } }));
    assert_eq!(seen, [number(1), number(2), Err(ApiError::internal())]);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_dropped_and_says_so() {
    let engine = engine(Duration::from_millis(20));
    let never = prepared(&engine, "{never}").expect("prepared");
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let answered = engine
        .execute(&never, &Asker::unknown(), |request| request.data(flag))
        .await;
    assert_eq!(answered.map_err(|error| error.code), Err(Code::Timeout));
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn an_operation_above_the_limit_does_not_run() {
    let engine = engine(LONG);
    assert_eq!(
        prepared(&engine, "{rows(first:50){id}}").map(|it| it.cost),
        Ok(50)
    );
    let refused = prepared(&engine, "{a:rows(first:99){id} rows(first:2){id}}").map(|it| it.cost);
    assert_eq!(refused.map_err(|error| error.code), Err(Code::CostLimitExceeded));
}

#[tokio::test]
async fn what_fails_is_null_where_it_may_be_and_its_siblings_stay() {
    let engine = engine(LONG);
    for (query, data, path) in [
        (
            "{hello kid{id wanted}}",
            json!({ "hello": "world", "kid": { "id": 1, "wanted": null } }),
            json!(["kid", "wanted"]),
        ),
        (
            "{hello kid{id needed}}",
            json!({ "hello": "world", "kid": null }),
            json!(["kid", "needed"]),
        ),
        ("{hello must{id needed}}", json!(null), json!(["must", "needed"])),
        (
            "{hello kids{id needed}}",
            json!({ "hello": "world", "kids": [null, { "id": 2, "needed": 2 }] }),
            json!(["kids", 0, "needed"]),
        ),
        (
            "{hello items}",
            json!({ "hello": "world", "items": [1, null, null] }),
            json!(["items", 1]),
        ),
        (
            "{hello sureItems}",
            json!({ "hello": "world", "sureItems": null }),
            json!(["sureItems", 1]),
        ),
        ("{hello allSure}", json!(null), json!(["allSure", 1])),
    ] {
        let asked = prepared(&engine, query).expect("prepared");
        let executed = engine.execute(&asked, &Asker::unknown(), |request| request).await;
        let answered = executed.expect("answered").answered.into_value();
        assert_eq!(answered["data"], data, "{query}");
        assert!(
            answered
                .as_object()
                .is_some_and(|answer| answer.contains_key("data"))
        );
        let errors = answered["errors"].as_array().expect("errors");
        assert_eq!((errors.len(), &errors[0]["path"]), (1, &path), "{query}");
    }
}
