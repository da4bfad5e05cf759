//! What letters say, in the languages of their readers: as text, and the same as HTML.
//!
//! INVARIANT: both come from one list of blocks, and every word of it is escaped where it becomes HTML: names that
//! people typed, and what programs call themselves, are words and nothing else.

mod en;
mod html;
mod id;

#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::{
    Rupiah,
    identity::LetterKind,
    tenancy::{
        Language,
        settings::{Colour, HttpsUrl},
    },
};
use url::Url;

/// What a letter can speak of. Texts are one line each, whatever was typed.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The operator at whom its reader is a user.
    operator: String,
    name: String,
    secret: Option<SecretString>,
    /// Where a front end takes secrets.
    page: Option<Url>,
    seen: Option<Seen>,
    news: Option<News>,
    look: Look,
}

/// How the operator looks: beside its letters, not in their words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Address of an image.
    pub logo: Option<HttpsUrl>,
    pub colour: Option<Colour>,
    /// Below the letter.
    pub footer: Option<String>,
}

/// What a tenant's admins are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The platform does not give an add-on.
    AddOnRejected { add_on: String, reason: String },
    /// The platform gives an add-on.
    AddOnActivated { add_on: String },
    /// The platform asks for money.
    BillIssued(Unpaid),
    /// It has not come in time.
    BillOverdue(Unpaid),
    /// The panel is read-only.
    PanelLocked { reason: String, unpaid: Option<Unpaid> },
    /// The panel works again.
    PanelUnlocked,
    /// The platform has invited another owner.
    OwnerInvited,
    /// A run of isolations waits for somebody.
    IsolirHeld {
        lines: u32,
        of: u32,
        /// Of an average run.
        usual: Option<u32>,
    },
    /// A backup failed, is missing or cannot be restored.
    BackupFailed { reason: String },
}

/// A bill that asks for money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaid {
    /// As printed.
    pub number: String,
    pub outstanding: Rupiah,
    /// Last day on which it can be paid in time, where that is known.
    pub due_on: Option<NaiveDate>,
}

impl Unpaid {
    fn in_one_line(&self) -> Self {
        Self {
            number: line(&self.number),
            ..self.clone()
        }
    }

    fn due(&self) -> String {
        self.due_on
            .map_or_else(|| "-".to_owned(), |day| day.format("%d/%m/%Y").to_string())
    }
}

/// What was seen, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Local time of the operator.
    pub at: String,
    pub ip: Option<String>,
    pub program: Option<String>,
}

impl Facts {
    pub fn new(operator: &str, name: &str) -> Self {
        Self {
            operator: line(operator),
            name: line(name),
            secret: None,
            page: None,
            seen: None,
            news: None,
            look: Look::default(),
        }
    }

    /// A ticket, and the page below which a front end takes it.
    #[must_use]
    pub fn with_secret(mut self, secret: SecretString, page: Option<Url>) -> Self {
        (self.secret, self.page) = (Some(secret), page);
        self
    }

    #[must_use]
    pub fn with_seen(mut self, seen: &Seen) -> Self {
        self.seen = Some(Seen {
            at: line(&seen.at),
            ip: seen.ip.as_deref().map(line),
            program: seen.program.as_deref().map(line),
        });
        self
    }

    #[must_use]
    pub fn with_look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    #[must_use]
    pub fn with_news(mut self, news: &News) -> Self {
        self.news = Some(match news {
            News::AddOnRejected { add_on, reason } => News::AddOnRejected {
                add_on: line(add_on),
                reason: line(reason),
            },
            News::AddOnActivated { add_on } => News::AddOnActivated { add_on: line(add_on) },
            News::PanelLocked { reason, unpaid } => News::PanelLocked {
                reason: line(reason),
                unpaid: unpaid.as_ref().map(Unpaid::in_one_line),
            },
            News::BillIssued(bill) => News::BillIssued(bill.in_one_line()),
            News::BillOverdue(bill) => News::BillOverdue(bill.in_one_line()),
            News::PanelUnlocked | News::OwnerInvited | News::IsolirHeld { .. } => news.clone(),
            News::BackupFailed { reason } => News::BackupFailed { reason: line(reason) },
        });
        self
    }

    /// The add-on and the reason.
    fn rejected(&self) -> (&str, &str) {
        match &self.news {
            Some(News::AddOnRejected { add_on, reason }) => (add_on, reason),
            _ => ("-", "-"),
        }
    }

    /// The add-on that is active.
    fn activated(&self) -> &str {
        match &self.news {
            Some(News::AddOnActivated { add_on }) => add_on,
            _ => "-",
        }
    }

    /// The bill that asks for money.
    fn billed(&self) -> Unpaid {
        match &self.news {
            Some(News::BillIssued(bill) | News::BillOverdue(bill)) => bill.clone(),
            _ => Unpaid {
                number: "-".to_owned(),
                outstanding: Rupiah::ZERO,
                due_on: None,
            },
        }
    }

    /// Why the panel is locked, and what opens it.
    fn locked(&self) -> (&str, Option<&Unpaid>) {
        match &self.news {
            Some(News::PanelLocked { reason, unpaid }) => (reason, unpaid.as_ref()),
            _ => ("-", None),
        }
    }

    /// Lines that would be isolated, all lines, and those of an average run.
    fn held(&self) -> (u32, u32, Option<u32>) {
        match self.news {
            Some(News::IsolirHeld { lines, of, usual }) => (lines, of, usual),
            _ => (0, 0, None),
        }
    }

    /// Why there is no good backup.
    fn failed(&self) -> &str {
        match &self.news {
            Some(News::BackupFailed { reason }) => reason,
            _ => "-",
        }
    }

    fn seen(&self) -> Seen {
        let unknown = || Seen {
            at: "-".to_owned(),
            ip: None,
            program: None,
        };
        self.seen.clone().unwrap_or_else(unknown)
    }
}

/// Without line breaks and other control characters.
pub(super) fn line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// A part of a letter.
#[derive(Debug, Clone)]
enum Block {
    Words(String),
    /// The ticket, for typing or pasting.
    Secret(SecretString),
    /// The page that takes the ticket; the ticket is behind the `#`, so that no server's log has it.
    Link(SecretString),
}

/// A letter.
#[derive(Debug, Clone)]
pub struct Written {
    pub subject: String,
    language: Language,
    operator: String,
    logo: Option<HttpsUrl>,
    colour: Option<Colour>,
    blocks: Vec<Block>,
}

impl Written {
    pub fn text(&self) -> SecretString {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Words(words) => words.as_str(),
            Block::Secret(secret) | Block::Link(secret) => secret.expose_secret(),
        });
        let text = blocks.collect::<Vec<_>>().join("\n\n");
        SecretString::from(format!("{text}\n"))
    }

    pub fn html(&self) -> SecretString {
        html::page(self)
    }
}

/// Where a front end takes the ticket of a kind of letter, below its page.
const fn place(kind: LetterKind) -> &'static str {
    match kind {
        LetterKind::Invitation => "invitation",
        LetterKind::PasswordReset => "password-reset",
        LetterKind::EmailChange => "email-change",
        LetterKind::EmailChanged | LetterKind::NewDevice => "account",
        LetterKind::AddOnRejected | LetterKind::AddOnActivated => "add-ons",
        LetterKind::BillIssued
        | LetterKind::BillOverdue
        | LetterKind::PanelLocked
        | LetterKind::PanelUnlocked => "billing",
        LetterKind::OwnerInvited => "users",
        LetterKind::IsolirHeld => "isolir",
        LetterKind::BackupFailed => "backups",
    }
}

/// Writes a letter.
pub fn write(kind: LetterKind, language: Language, facts: &Facts) -> Written {
    let (subject, paragraphs) = match language {
        Language::Id => (id::subject(kind, facts), id::paragraphs(kind, facts)),
        Language::En => (en::subject(kind, facts), en::paragraphs(kind, facts)),
    };
    let mut blocks = Vec::new();
    for paragraph in paragraphs {
        match paragraph {
            Paragraph::Words(words) => blocks.push(Block::Words(words)),
            Paragraph::Ticket => blocks.extend(ticket(kind, facts)),
        }
    }
    let Look { logo, colour, footer } = facts.look.clone();
    blocks.extend(footer.map(Block::Words));
    Written {
        subject,
        language,
        operator: facts.operator.clone(),
        logo,
        colour,
        blocks,
    }
}

/// A paragraph as the languages write them.
#[derive(Debug)]
enum Paragraph {
    Words(String),
    /// Here comes the ticket, with its page if there is one.
    Ticket,
}

fn ticket(kind: LetterKind, facts: &Facts) -> Vec<Block> {
    let Some(secret) = &facts.secret else {
        return Vec::new();
    };
    let link = facts.page.as_ref().map(|page| {
        let mut link = page.clone();
        if let Ok(mut path) = link.path_segments_mut() {
            path.pop_if_empty().push(place(kind));
        }
        link.set_fragment(Some(secret.expose_secret()));
        Block::Link(SecretString::from(String::from(link)))
    });
    link.into_iter().chain([Block::Secret(secret.clone())]).collect()
}
