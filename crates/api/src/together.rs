//! Questions that come while others like them are being answered, answered together.
//!
//! An operator's clients ask the same things at the same time: each command asks whether it is let in, and those whose events
//! a projector has written in one batch read their rows in the same moment. A round trip costs more than what one more
//! row in its answer does (ADR 96). Who finds nobody before them leaves room for one turn of their task, and goes; who comes later
//! waits until those are answered, and all who wait go together. Nobody waits for company beyond that.
//!
//! INVARIANT: an answer is no older than the question of whoever joined last: a party is closed before it is answered.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    mem,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::sync::oneshot;

/// Questions `Q`; those about one subject `S` have one answer `A` for all who ask. Who finds a party of `MOST` goes alone.
pub(crate) struct Together<S: Clone + Eq + Hash, Q, A, const MOST: usize>(Arc<Lines<S, Q, A>>);

/// Of each subject about which somebody is being answered, who waits meanwhile.
type Lines<S, Q, A> = Mutex<HashMap<S, Option<Party<S, Q, A>>>>;

struct Party<S: Clone + Eq + Hash, Q, A> {
    questions: Arc<Mutex<Vec<Q>>>,
    answer: Answer<A>,
    begin: oneshot::Sender<Turn<S, Q, A>>,
}

/// Nothing after a panic: a shared future that unwinds wakes nobody.
type Answer<A> = Shared<BoxFuture<'static, Option<A>>>;

/// What will be answered, and for the first who asks the turn.
type Joined<S, Q, A> = (Answer<A>, Option<Turn<S, Q, A>>);

/// Held by those who are being answered. Who waits is next when it is dropped, wherever that is.
struct Turn<S: Clone + Eq + Hash, Q, A> {
    lines: Arc<Lines<S, Q, A>>,
    subject: S,
}

impl<S: Clone + Eq + Hash, Q, A, const MOST: usize> Default for Together<S, Q, A, MOST> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S: Clone + Eq + Hash, Q, A, const MOST: usize> fmt::Debug for Together<S, Q, A, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

impl<S, Q, A, const MOST: usize> Together<S, Q, A, MOST>
where
    S: Clone + Eq + Hash + Send + 'static,
    Q: Clone + Send + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// The answer to these questions, and to those that others ask meanwhile. A panic is one of all of them.
    pub(crate) async fn ask<B, F>(&self, subject: S, questions: &[Q], answer: B) -> A
    where
        B: FnOnce(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = A> + Send,
    {
        match self.join(subject, questions, answer) {
            Ok((answer, first)) => {
                if let Some(turn) = first {
                    tokio::task::yield_now().await;
                    drop(turn);
                }
                let answered = answer.await;
                answered.unwrap_or_else(|| resume_unwind(Box::new("nobody was answered")))
            }
            Err(answer) => answer(questions.to_vec()).await,
        }
    }

    fn join<B, F>(&self, subject: S, questions: &[Q], answer: B) -> Result<Joined<S, Q, A>, B>
    where
        B: FnOnce(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = A> + Send,
    {
        let mut lines = lock(&self.0);
        let mut first = None;
        let waiting = lines.entry(subject.clone()).or_insert_with(|| {
            let lines = Arc::clone(&self.0);
            first = Some(Turn { lines, subject });
            None
        });
        if waiting
            .as_ref()
            .is_some_and(|party| lock(&party.questions).len() >= MOST)
        {
            return Err(answer);
        }
        let party = waiting.get_or_insert_with(|| Party::new(answer));
        lock(&party.questions).extend_from_slice(questions);
        Ok((party.answer.clone(), first))
    }
}

impl<S, Q, A> Party<S, Q, A>
where
    S: Clone + Eq + Hash + Send + 'static,
    Q: Send + 'static,
    A: Clone + Send + Sync + 'static,
{
    fn new<F>(answer: impl FnOnce(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = A> + Send,
    {
        let questions: Arc<Mutex<Vec<Q>>> = Arc::default();
        let (begin, begun) = oneshot::channel();
        let asked = Arc::clone(&questions);
        let answer = async move {
            // Until all are answered.
            let _turn = begun.await;
            let asked = mem::take(&mut *lock(&asked));
            answer(asked).await
        };
        Self {
            questions,
            answer: AssertUnwindSafe(answer)
                .catch_unwind()
                .map(Result::ok)
                .boxed()
                .shared(),
            begin,
        }
    }
}

impl<S: Clone + Eq + Hash, Q, A> Drop for Turn<S, Q, A> {
    fn drop(&mut self) {
        let mut lines = lock(&self.lines);
        let next = lines.get_mut(&self.subject).and_then(Option::take);
        if next.is_none() {
            lines.remove(&self.subject);
        }
        drop(lines);
        if let Some(party) = next {
            let (lines, subject) = (Arc::clone(&self.lines), self.subject.clone());
            // If all of them have gone away, the turn is dropped with what they were to be told.
            let _ = party.begin.send(Self { lines, subject });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use futures_util::future::join_all;
    use tokio::{
        sync::Semaphore,
        task::{JoinError, JoinHandle},
        time::timeout,
    };
    use tokio_util::task::TaskTracker;

    use super::*;

    const MOST: usize = 8;
    /// A question that nobody survives.
    const FATAL: usize = 666;

    /// Answers with what was asked, as soon as it may.
    #[derive(Clone)]
    struct Desk {
        together: Arc<Together<u8, usize, Arc<[usize]>, MOST>>,
        may: Arc<Semaphore>,
        parties: Arc<AtomicUsize>,
        tasks: TaskTracker,
    }

    impl Desk {
        fn closed() -> Self {
            Self {
                together: Arc::default(),
                may: Arc::new(Semaphore::new(0)),
                parties: Arc::default(),
                tasks: TaskTracker::new(),
            }
        }

        fn open(&self) {
            self.may.add_permits(Semaphore::MAX_PERMITS / 2);
        }

        async fn ask(&self, subject: u8, number: usize) -> Arc<[usize]> {
            let (may, parties) = (Arc::clone(&self.may), Arc::clone(&self.parties));
            let answer = |asked: Vec<usize>| async move {
                let _permit = may.acquire().await;
                parties.fetch_add(1, Ordering::Relaxed);
                assert!(!asked.contains(&FATAL), "as was wished");
                asked.into()
            };
            self.together.ask(subject, &[number], answer).await
        }

        fn asking(&self, subject: u8, number: usize) -> JoinHandle<Arc<[usize]>> {
            let desk = self.clone();
            self.tasks.spawn(async move { desk.ask(subject, number).await })
        }

        fn parties(&self) -> usize {
            self.parties.load(Ordering::Relaxed)
        }

        fn is_idle(&self) -> bool {
            lock(&self.together.0).is_empty()
        }
    }

    /// With ten turns everybody stands where they wait.
    async fn settle(turns: usize) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_comes_meanwhile_goes_together_with_the_next() {
        let desk = Desk::closed();
        let first = desk.asking(1, 1);
        settle(10).await;
        let others = [2, 3, 4].map(|number| desk.asking(1, number));
        let elsewhere = desk.asking(2, 5);
        settle(10).await;
        desk.open();
        assert_eq!(*first.await.expect("told"), [1]);
        for other in others {
            assert_eq!(*other.await.expect("told"), [2, 3, 4]);
        }
        assert_eq!(*elsewhere.await.expect("told"), [5]);
        assert_eq!(desk.parties(), 3);
        assert!(desk.is_idle());
    }

    #[tokio::test]
    async fn those_who_ask_in_one_moment_are_one_party() {
        let desk = Desk::closed();
        desk.open();
        let told = join_all((0..5).map(|number| desk.ask(1, number))).await;
        for told in told {
            assert_eq!(*told, [0, 1, 2, 3, 4]);
        }
        assert_eq!(desk.parties(), 1);
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_the_others_their_answer_and_nothing_behind() {
        let desk = Desk::closed();
        for gone in 0..=3 {
            for turns in [0, 1, 10] {
                let first = desk.asking(1, 0);
                settle(turns).await;
                let others = [1, 2, 3].map(|number| desk.asking(1, number));
                settle(turns).await;
                first.abort();
                others[..gone].iter().for_each(JoinHandle::abort);
                settle(turns).await;
                assert!(first.await.is_err(), "nobody was told anything yet");
                desk.may.add_permits(8);
                for (other, number) in others.into_iter().zip(1..) {
                    let is_told = other.await.is_ok_and(|told| told.contains(&number));
                    assert_eq!(
                        is_told,
                        number > gone,
                        "{number}, {gone} gone after {turns} turns"
                    );
                }
                assert!(desk.is_idle(), "{gone} gone after {turns} turns");
                desk.may.forget_permits(8);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_is_told_to_all_of_a_party_and_to_nobody_else() {
        let desk = Desk::closed();
        for round in 0..50 {
            let first = desk.asking(1, 1);
            settle(10).await;
            let others = [2, 3, FATAL, 4].map(|number| desk.asking(1, number));
            settle(10).await;
            desk.may.add_permits(8);
            // With how many it came depends on two threads.
            let ended = timeout(Duration::from_secs(10), join_all(others)).await;
            let told = ended.expect("nobody waits for ever");
            first.await.ok();
            assert!(told[2].as_ref().is_err_and(JoinError::is_panic), "{round}");
            assert_eq!(*desk.ask(1, 5).await, [5], "{round}");
            assert!(desk.is_idle(), "{round}");
            desk.may.forget_permits(8);
        }
    }

    #[tokio::test]
    async fn who_finds_a_full_party_goes_alone() {
        let desk = Desk::closed();
        let first = desk.asking(1, 0);
        settle(10).await;
        let all: Vec<_> = (1..=MOST + 2).map(|number| desk.asking(1, number)).collect();
        settle(10).await;
        desk.open();
        assert_eq!(*first.await.expect("told"), [0]);
        for (one, number) in all.into_iter().zip(1..) {
            let told = one.await.expect("told");
            assert_eq!(told.len(), if number > MOST { 1 } else { MOST }, "{number}");
            assert!(told.contains(&number), "{number}");
        }
        assert_eq!(desk.parties(), 4);
    }
}
