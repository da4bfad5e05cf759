//! Where passwords are hashed: a few threads of their own with a short queue, so that a crowd of sign-ins slows down
//! sign-ins and nothing else.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use secrecy::SecretString;
use tokio::sync::oneshot;

use super::{
    password::{self, Algorithm, Fit, PasswordError},
    pepper::Peppers,
};

/// Passwords that wait for a thread.
pub const QUEUE: usize = 32;

type Job = Box<dyn FnOnce() + Send>;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// More sign-ins than the machine can take; try again.
    #[error("too many sign-ins at the same time")]
    Busy,
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Hashes and compares passwords. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub struct Hasher {
    jobs: SyncSender<Job>,
    algorithm: Algorithm,
    peppers: Peppers,
    /// What the passwords of nobody are compared with, so that an unknown user takes as long as a known one.
    dummy: Arc<SecretString>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Hasher {
    /// With half of the machine's cores, at least one. Takes as long as one password.
    pub fn start(algorithm: Algorithm, peppers: Peppers) -> Result<Self, PasswordError> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_threads(algorithm, peppers, (cores / 2).max(1))
    }

    fn with_threads(algorithm: Algorithm, peppers: Peppers, threads: usize) -> Result<Self, PasswordError> {
        let nobody = SecretString::from("the password of nobody");
        let dummy = Arc::new(password::hash(&nobody, algorithm, &peppers)?);
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&queue))
                .map_err(|_| PasswordError::Unhashable)?;
        }
        Ok(Self {
            jobs,
            algorithm,
            peppers,
            dummy,
        })
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, HasherError> {
        let (algorithm, peppers) = (self.algorithm, self.peppers.clone());
        password::check(&password, algorithm, &peppers)?;
        Ok(self
            .run(move || password::hash(&password, algorithm, &peppers))
            .await??)
    }

    /// Whether a password fits; without a hash it fits nobody, after the same time.
    pub async fn fit(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Fit, HasherError> {
        let (algorithm, peppers, dummy) = (self.algorithm, self.peppers.clone(), Arc::clone(&self.dummy));
        self.run(move || {
            if let Some(stored) = stored {
                return password::fit(&password, &stored, algorithm, &peppers);
            }
            password::fit(&password, &dummy, algorithm, &peppers);
            Fit::No
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HasherError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have gone.
            let _ = answer.send(job());
        });
        self.jobs.try_send(job).map_err(|_| HasherError::Busy)?;
        answered.await.map_err(|_| HasherError::Busy)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Algorithm = Algorithm::Bcrypt { cost: 4 };

    #[tokio::test]
    async fn what_was_hashed_fits_and_nobody_s_password_does_not() {
        let hasher = Hasher::start(CHEAP, Peppers::default()).expect("threads");
        let password = || SecretString::from("kata sandi rahasia");
        let stored = hasher.hash(password()).await.expect("hashed");
        assert_eq!(hasher.fit(password(), Some(stored)).await, Ok(Fit::Yes));
        assert_eq!(hasher.fit(password(), None).await, Ok(Fit::No));
        let nobody = SecretString::from("the password of nobody");
        assert_eq!(hasher.fit(nobody, None).await, Ok(Fit::No));
    }

    #[tokio::test]
    async fn a_full_queue_is_said_and_not_waited_for() {
        let hasher = Hasher::with_threads(CHEAP, Peppers::default(), 1).expect("a thread");
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let begun = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&begun);
        let job = move || {
            told.notify_one();
            // Ends when the test lets go.
            let _ = wait.recv();
        };
        hasher.jobs.try_send(Box::new(job)).expect("room");
        begun.notified().await;
        let filled: Vec<_> = (0..QUEUE)
            .map(|_| hasher.jobs.try_send(Box::new(|| {})))
            .collect();
        assert!(filled.iter().all(Result::is_ok));
        let refused = hasher.fit(SecretString::from("kata sandi"), None).await;
        assert_eq!(refused, Err(HasherError::Busy));
        go.send(()).expect("a thread that waits");
    }
}
