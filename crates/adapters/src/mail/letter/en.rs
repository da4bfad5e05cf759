//! English.

use simpul_domain::identity::LetterKind;

use super::{Facts, Paragraph, Seen, Unpaid};

pub(super) fn subject(kind: LetterKind, Facts { operator, .. }: &Facts) -> String {
    match kind {
        LetterKind::Invitation => format!("Your invitation to {operator}"),
        LetterKind::PasswordReset => format!("Reset your password at {operator}"),
        LetterKind::EmailChange => format!("Confirm your new e-mail address at {operator}"),
        LetterKind::EmailChanged => format!("Your e-mail address at {operator} has changed"),
        LetterKind::NewDevice => format!("New sign-in to your account at {operator}"),
        LetterKind::AddOnRejected => format!("An add-on for {operator} was not granted"),
        LetterKind::AddOnActivated => format!("An add-on for {operator} is active"),
        LetterKind::BillIssued => format!("A new bill for {operator}"),
        LetterKind::BillOverdue => format!("A bill of {operator} is overdue"),
        LetterKind::PanelLocked => format!("The panel of {operator} is locked"),
        LetterKind::PanelUnlocked => format!("The panel of {operator} is open again"),
        LetterKind::OwnerInvited => format!("Another owner was invited to {operator}"),
        LetterKind::IsolirHeld => format!("Isolations at {operator} wait for your decision"),
        LetterKind::BackupFailed => format!("{operator}: a backup is missing"),
    }
}

pub(super) fn paragraphs(kind: LetterKind, facts: &Facts) -> Vec<Paragraph> {
    let Facts { operator, name, .. } = facts;
    let words = |text: String| Paragraph::Words(text);
    let mut letter = vec![words(format!("Hello {name},"))];
    letter.extend(match kind {
        LetterKind::Invitation => vec![
            words(format!(
                "You are invited to become a user of {operator}. Accept within 7 days with this code, and choose your password:"
            )),
            Paragraph::Ticket,
            words("If you do not know who sent this, ignore it.".to_owned()),
        ],
        LetterKind::PasswordReset => vec![
            words(format!(
                "Somebody asked to reset your password at {operator}. Use this code within 30 minutes:"
            )),
            Paragraph::Ticket,
            words("If it was not you, ignore this e-mail; your password has not changed.".to_owned()),
        ],
        LetterKind::EmailChange => vec![
            words(format!(
                "This address shall be used to sign in to {operator}. Confirm it within 24 hours with this code:"
            )),
            Paragraph::Ticket,
            words("If you did not ask for it, ignore this e-mail.".to_owned()),
        ],
        LetterKind::EmailChanged => vec![
            words(format!(
                "Since {}, your account at {operator} uses another e-mail address. This one can no longer be used to sign in.",
                facts.seen().at
            )),
            words(format!("If it was not you, get in touch with {operator} at once.")),
        ],
        LetterKind::NewDevice => vec![
            words(format!(
                "Somebody has just signed in to your account at {operator} with a device that you had not used before."
            )),
            words(seen(&facts.seen())),
            words("If it was you, there is nothing to do. If not, change your password and end all sessions now.".to_owned()),
        ],
        LetterKind::AddOnRejected => {
            let (add_on, reason) = facts.rejected();
            vec![
                words(format!("The add-on \"{add_on}\" that was ordered for {operator} is not granted.")),
                words(format!("Reason: {reason}")),
            ]
        }
        LetterKind::AddOnActivated => vec![words(format!(
            "The add-on \"{}\" that was ordered for {operator} is active and can be used at once. It is charged from today.",
            facts.activated()
        ))],
        LetterKind::BillIssued => issued(operator, &facts.billed()),
        LetterKind::BillOverdue => overdue(operator, &facts.billed()),
        LetterKind::PanelLocked => {
            let (reason, unpaid) = facts.locked();
            let why = unpaid.map_or_else(
                || format!("Reason: {reason}"),
                |Unpaid { number, outstanding, .. }| {
                    format!(
                        "Reason: bill {number} is unpaid. Pay {outstanding}; the panel opens by itself once no bill is in arrears."
                    )
                },
            );
            vec![
                words(format!(
                    "The panel of {operator} is locked: everything can be seen and nothing can be changed. Your routers and customers go on as usual."
                )),
                words(why),
            ]
        }
        LetterKind::PanelUnlocked => vec![words(format!(
            "The panel of {operator} is not locked any more. All work can go on."
        ))],
        LetterKind::OwnerInvited => vec![
            words(format!(
                "The platform has invited another owner to {operator}. Whoever joins has all rights of an owner; you keep yours."
            )),
            words("If nobody of you asked for it, disable that user now and get in touch with the platform. Who it is stands in the list of users, and who invited them in the audit trail.".to_owned()),
        ],
        LetterKind::IsolirHeld => {
            let (lines, of, usual) = facts.held();
            let usual = usual.map_or_else(String::new, |usual| format!(" A usual day has {usual}."));
            vec![
                words(format!(
                    "Today {lines} of {of} lines of {operator} would be isolated for unpaid bills. That is more than your limits allow, so nobody is isolated yet.{usual}"
                )),
                words("Look at the run, then approve or decline it. Without a decision it is counted again tomorrow.".to_owned()),
            ]
        }
        LetterKind::BackupFailed => vec![
            words(format!(
                "{}: there is no good backup of {operator} that is as new as it should be.",
                facts.seen().at
            )),
            words(facts.failed().to_owned()),
            words("Until a backup succeeds, whatever is lost since the last good one is lost for good. Look at the list of backups and at the server's log.".to_owned()),
        ],
    });
    letter
}

fn seen(Seen { at, ip, program }: &Seen) -> String {
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    format!(
        "Time: {at}. IP address: {}. Device: {}.",
        or_unknown(ip),
        or_unknown(program)
    )
}

fn issued(operator: &str, bill: &Unpaid) -> Vec<Paragraph> {
    vec![Paragraph::Words(format!(
        "Bill {} for {operator} was issued: {}. Pay it by {}.",
        bill.number,
        bill.outstanding,
        bill.due()
    ))]
}

fn overdue(operator: &str, bill: &Unpaid) -> Vec<Paragraph> {
    vec![
        Paragraph::Words(format!(
            "Bill {} for {operator} is not paid: {}. It was due on {}.",
            bill.number,
            bill.outstanding,
            bill.due()
        )),
        Paragraph::Words("If it is not paid within the days of grace, the panel is locked until it is. Your routers and customers go on as usual.".to_owned()),
    ]
}
