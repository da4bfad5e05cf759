//! Letters to users: what each is about. Their text, addresses and secrets are no history (ADR 13, ADR 43).

macro_rules! letters {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a letter is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum LetterKind {
            $($(#[$doc])* $name,)*
        }

        impl LetterKind {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

letters! {
    /// With the ticket by which somebody becomes a user.
    Invitation = "invitation";
    /// With the ticket for another password.
    PasswordReset = "password_reset";
    /// To the new address, with the ticket that proves it.
    EmailChange = "email_change";
    /// To the address before: another one counts from now on.
    EmailChanged = "email_changed";
    /// Somebody signed in with a program that the user had not used before.
    NewDevice = "new_device";
    /// To admins: the platform does not give the add-on that was asked for.
    AddOnRejected = "add_on_rejected";
    /// To admins: the platform gives the add-on that was asked for.
    AddOnActivated = "add_on_activated";
    /// To whoever may pay the platform: it asks for money.
    BillIssued = "bill_issued";
    /// To the same: the day on which it asked for it is over.
    BillOverdue = "bill_overdue";
    /// To whoever may pay the platform: the panel is read-only, why, and what opens it.
    PanelLocked = "panel_locked";
    /// To the same: the panel works again.
    PanelUnlocked = "panel_unlocked";
    /// To whoever may invite and disable users: the platform has invited another owner.
    OwnerInvited = "owner_invited";
    /// To admins: more lines than usual are to be isolated, and somebody must say whether.
    IsolirHeld = "isolir_held";
    /// To everybody who runs the platform: a backup failed, or is missing.
    BackupFailed = "backup_failed";
}

impl LetterKind {
    /// As stored, read back.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_back_from_its_text() {
        for &kind in LetterKind::ALL {
            assert_eq!(LetterKind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(LetterKind::of("greeting"), None);
    }
}
