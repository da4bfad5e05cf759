//! One API session from the router's side: sentence in, sentences out.
//!
//! Every command becomes a job with a queue of replies and a pace, so that slow commands overlap, can be cancelled,
//! and a test in virtual time sees them at the right moment.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use md5::{Digest, Md5};

use super::config::{Group, User};
use super::faults::{Cut, Faults};
use super::print::{Answer, Shown};
use super::router::{Refusal, Router};
use super::streams::{self, Job};
use crate::client::challenge_response;
use crate::codec::Sentence;

/// What is to be sent now, and whether the connection ends after it.
#[derive(Debug, Default)]
pub struct Output {
    /// Sentences in order.
    pub sentences: Vec<Sentence>,
    /// Close after sending them.
    pub close: bool,
}

#[derive(Debug)]
enum Phase {
    LoggedOut,
    LoggedIn(User),
    Closing,
    Cut,
}

/// The state of one session.
#[derive(Debug)]
pub struct Conversation {
    id: u64,
    phase: Phase,
    challenge: Option<[u8; 16]>,
    jobs: Vec<Job>,
}

const WRITES: [&str; 9] = [
    "add", "set", "remove", "enable", "disable", "unset", "move", "comment", "reboot",
];

impl Conversation {
    /// A fresh connection. `id` must be unique over the router's life.
    pub const fn new(id: u64) -> Self {
        Self {
            id,
            phase: Phase::LoggedOut,
            challenge: None,
            jobs: Vec::new(),
        }
    }

    /// Whether the login succeeded.
    pub const fn is_logged_in(&self) -> bool {
        matches!(self.phase, Phase::LoggedIn(_))
    }

    /// Takes one sentence of the client.
    pub fn receive(&mut self, router: &mut Router, faults: &mut Faults, now: Duration, sentence: &Sentence) {
        let tag = sentence.tag().unwrap_or_default();
        match (&self.phase, sentence.first()) {
            (Phase::Closing | Phase::Cut, _) => {}
            (_, b"/login") => self.login(router, now, sentence, tag),
            (Phase::LoggedOut, _) => self.fatal(now, "not logged in"),
            (_, b"/quit") => self.fatal(now, "session terminated on request"),
            (_, b"/cancel") => self.cancel(now, sentence, tag),
            (Phase::LoggedIn(user), _) => {
                let group = user.group;
                self.command(router, faults, now, sentence, tag, group);
            }
        }
    }

    /// What is due.
    pub fn poll(&mut self, now: Duration) -> Output {
        let mut output = Output::default();
        if matches!(self.phase, Phase::Cut) {
            output.close = true;
            return output;
        }
        while let Some(at) = self.earliest().filter(|at| self.jobs[*at].due <= now) {
            let job = &mut self.jobs[at];
            if let Some(reply) = job.replies.pop_front() {
                output.sentences.push(reply.tagged(&job.tag));
            }
            job.due += job.pace;
            match &job.endless {
                Some(again) if job.replies.is_empty() => job.replies.push_back(again.clone()),
                None if job.replies.is_empty() => drop(self.jobs.remove(at)),
                _ => {}
            }
        }
        output.close = matches!(self.phase, Phase::Closing) && self.jobs.is_empty();
        output
    }

    /// When [`Self::poll`] has something again.
    pub fn next_due(&self) -> Option<Duration> {
        if matches!(self.phase, Phase::Cut) {
            return Some(Duration::ZERO);
        }
        self.earliest().map(|at| self.jobs[at].due)
    }

    fn earliest(&self) -> Option<usize> {
        (0..self.jobs.len()).min_by_key(|at| self.jobs[*at].due)
    }

    fn start(&mut self, tag: Bytes, due: Duration, replies: impl IntoIterator<Item = Sentence>) {
        let replies = replies.into_iter().collect();
        self.jobs.push(Job {
            tag,
            replies,
            due,
            pace: Duration::ZERO,
            endless: None,
        });
    }

    fn fatal(&mut self, now: Duration, reason: &'static str) {
        self.jobs.clear();
        self.start(Bytes::new(), now, [Sentence::of("!fatal").word(reason)]);
        self.phase = Phase::Closing;
    }

    fn login(&mut self, router: &mut Router, now: Duration, sentence: &Sentence, tag: Bytes) {
        let text = |name: &str| {
            sentence
                .value(name)
                .map(|value| String::from_utf8_lossy(&value).into_owned())
        };
        let personality = router.config.personality;
        let name = text("name").unwrap_or_default();
        let user = router.config.users.iter().find(|user| user.name == name).cloned();
        let accepted = match (text("password"), text("response"), self.challenge.take()) {
            (_, Some(response), Some(challenge)) => {
                user.filter(|user| response == challenge_response(user.password.as_bytes(), &challenge))
            }
            (Some(password), None, _) if personality.takes_plain_login() => {
                user.filter(|user| user.password == password)
            }
            (_, None, _) if personality.gives_challenge() => return self.give_challenge(router, now, tag),
            _ => None,
        };
        if let Some(user) = accepted {
            router.api_sessions.insert(self.id, user.name.clone());
            self.phase = Phase::LoggedIn(user);
            self.start(tag, now, [Sentence::of("!done")]);
        } else {
            let text = if personality.takes_plain_login() {
                "invalid user name or password (6)"
            } else {
                "cannot log in"
            };
            self.start(tag, now, [trap(&Refusal::new(text)), Sentence::of("!done")]);
        }
    }

    fn give_challenge(&mut self, router: &Router, now: Duration, tag: Bytes) {
        let digest = Md5::new()
            .chain_update(&router.config.serial_number)
            .chain_update(self.id.to_be_bytes());
        let challenge: [u8; 16] = digest.finalize().into();
        self.challenge = Some(challenge);
        self.start(
            tag,
            now,
            [Sentence::of("!done").attribute("ret", hex::encode(challenge))],
        );
    }

    fn cancel(&mut self, now: Duration, sentence: &Sentence, tag: Bytes) {
        let wanted = sentence.value("tag").filter(|wanted| !wanted.is_empty());
        let is_wanted = |job: &Job| wanted.as_ref().is_none_or(|wanted| *wanted == job.tag);
        let (stopped, kept) = std::mem::take(&mut self.jobs)
            .into_iter()
            .partition::<Vec<_>, _>(is_wanted);
        self.jobs = kept;
        if stopped.is_empty() && wanted.is_some() {
            let refusal = Refusal::new("no such tag");
            return self.start(tag, now, [trap(&refusal), Sentence::of("!done")]);
        }
        let interrupted = trap(&Refusal::category(2, "interrupted"));
        for job in stopped {
            self.start(job.tag, now, [interrupted.clone(), Sentence::of("!done")]);
        }
        self.start(tag, now, [Sentence::of("!done")]);
    }

    fn command(
        &mut self,
        router: &mut Router,
        faults: &mut Faults,
        now: Duration,
        sentence: &Sentence,
        tag: Bytes,
        group: Group,
    ) {
        let path = String::from_utf8_lossy(sentence.first()).into_owned();
        let (menu, verb) = path.rsplit_once('/').unwrap_or(("", &path));
        if WRITES.contains(&verb) {
            return self.write(router, faults, now, sentence, tag, group != Group::Read);
        }
        let answer = match (menu, verb) {
            ("", "ping") => return self.jobs.push(streams::ping(now, sentence, tag)),
            ("/interface", "monitor-traffic") => return self.jobs.push(streams::traffic(now, sentence, tag)),
            (_, "print" | "getall") => {
                let serial = faults.serial_number.clone();
                let shown = Shown {
                    serial: serial.as_deref(),
                    raw_bytes: faults.raw_bytes,
                    sensitive: group == Group::Full,
                };
                router.print(now, menu, sentence, shown)
            }
            _ if super::schema::menu(menu).is_some() => Err(Refusal::category(0, "no such command")),
            _ => Err(Refusal::category(0, "no such command prefix")),
        };
        let replies = Self::read_replies(router, faults, answer);
        let due = now + faults.reply_delay + faults.row_delay;
        self.jobs.push(Job {
            tag,
            replies,
            due,
            pace: faults.row_delay,
            endless: None,
        });
    }

    fn read_replies(router: &Router, faults: &Faults, answer: Result<Answer, Refusal>) -> VecDeque<Sentence> {
        let mut replies: VecDeque<Sentence> = future_word(faults).into_iter().collect();
        match answer {
            Err(refusal) => replies.extend([trap(&refusal), Sentence::of("!done")]),
            Ok(Answer::Count(count)) => {
                replies.push_back(Sentence::of("!done").attribute("ret", count.to_string()));
            }
            Ok(Answer::Rows(rows)) => {
                let cut = faults.trap_after_rows;
                if rows.is_empty() && router.config.personality.says_empty() {
                    replies.push_back(Sentence::of("!empty"));
                }
                replies.extend(rows.into_iter().take(cut.unwrap_or(usize::MAX)));
                if cut.is_some() {
                    replies.push_back(trap(&Refusal::category(4, "failure: out of memory")));
                }
                replies.push_back(Sentence::of("!done"));
            }
        }
        replies
    }

    fn write(
        &mut self,
        router: &mut Router,
        faults: &mut Faults,
        now: Duration,
        sentence: &Sentence,
        tag: Bytes,
        may_write: bool,
    ) {
        let cut = faults.on_write();
        let done = match (cut, may_write) {
            (Cut::Before, _) => None,
            (_, false) => Some(Err(Refusal::new("not enough permissions (9)"))),
            (_, true) if sentence.first() == b"/system/reboot" => {
                router.reboot(now);
                self.phase = Phase::Cut;
                Some(Ok(None))
            }
            (_, true) => Some(router.write(now, sentence)),
        };
        let applied = matches!(done, Some(Ok(_)));
        router.journal.record(now, self.id, sentence.clone(), applied);
        let (Cut::Never, Some(done)) = (cut, done) else {
            self.phase = Phase::Cut;
            return;
        };
        let mut replies: Vec<Sentence> = future_word(faults).into_iter().collect();
        match done {
            Ok(None) => replies.push(Sentence::of("!done")),
            Ok(Some(ret)) => replies.push(Sentence::of("!done").attribute("ret", ret)),
            Err(refusal) => replies.extend([trap(&refusal), Sentence::of("!done")]),
        }
        self.start(tag, now + faults.reply_delay + faults.delay_after_apply, replies);
    }
}

fn future_word(faults: &Faults) -> Option<Sentence> {
    faults
        .future_word
        .then(|| Sentence::of("!future").attribute("hint", "ignore me"))
}

fn trap(refusal: &Refusal) -> Sentence {
    let sentence = match refusal.category {
        Some(category) => Sentence::of("!trap").attribute("category", category.to_string()),
        None => Sentence::of("!trap"),
    };
    sentence.attribute("message", &refusal.message)
}
