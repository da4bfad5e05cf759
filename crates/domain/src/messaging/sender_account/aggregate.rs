//! State and decisions of a sender account.

use serde::{Deserialize, Serialize};

use super::{
    SenderAccountCommand, SenderAccountConnected, SenderAccountDisconnected, SenderAccountError,
    SenderAccountEvent,
};
use crate::{Decider, SenderId, aggregate, messaging::sender::SenderKind};

/// Where a sender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SenderAccountStatus {
    #[default]
    Absent,
    Connected {
        sender: SenderId,
        kind: SenderKind,
    },
    Disconnected,
}

/// One sender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SenderAccount {
    status: SenderAccountStatus,
}

aggregate!(SenderAccount);

impl SenderAccount {
    pub const fn status(&self) -> SenderAccountStatus {
        self.status
    }
}

impl Decider for SenderAccount {
    const TYPE: &'static str = "messaging.sender_account";
    const STATE_VERSION: i32 = 1;
    type Command = SenderAccountCommand;
    type Event = SenderAccountEvent;
    type Error = SenderAccountError;

    fn decide(&self, command: SenderAccountCommand) -> Result<Vec<SenderAccountEvent>, SenderAccountError> {
        match (command, self.status) {
            (SenderAccountCommand::Connect(connect), SenderAccountStatus::Absent) => {
                Ok(vec![SenderAccountEvent::Connected(SenderAccountConnected {
                    sender: connect.sender,
                    kind: connect.kind,
                    token: connect.token,
                    device: connect.device,
                    hook_digest: connect.hook_digest,
                    at: connect.at,
                })])
            }
            (SenderAccountCommand::Connect(connect), SenderAccountStatus::Connected { sender, kind })
                if connect.sender == sender && connect.kind == kind =>
            {
                Ok(Vec::new())
            }
            (
                SenderAccountCommand::Connect(_),
                SenderAccountStatus::Connected { .. } | SenderAccountStatus::Disconnected,
            ) => Err(SenderAccountError::AlreadyConnected),
            (SenderAccountCommand::Disconnect { at }, SenderAccountStatus::Connected { sender, .. }) => {
                Ok(vec![SenderAccountEvent::Disconnected(
                    SenderAccountDisconnected { sender, at },
                )])
            }
            (SenderAccountCommand::Disconnect { .. }, SenderAccountStatus::Disconnected) => Ok(Vec::new()),
            (SenderAccountCommand::Disconnect { .. }, SenderAccountStatus::Absent) => {
                Err(SenderAccountError::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &SenderAccountEvent) {
        self.status = match event {
            SenderAccountEvent::Connected(connected) => SenderAccountStatus::Connected {
                sender: connected.sender,
                kind: connected.kind,
            },
            SenderAccountEvent::Disconnected(_) => SenderAccountStatus::Disconnected,
        };
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Sealed, messaging::sender_account::ConnectSenderAccount};

    #[test]
    fn a_sender_connects_once_and_disconnects_for_good() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let connect = || {
            SenderAccountCommand::Connect(ConnectSenderAccount {
                sender: SenderId::new(Uuid::from_u128(1)),
                kind: SenderKind::Fonnte,
                token: Sealed::new("t".to_owned()),
                device: Sealed::new("d".to_owned()),
                hook_digest: "h".to_owned(),
                at,
            })
        };
        let mut account = SenderAccount::default();
        assert_eq!(
            account.decide(SenderAccountCommand::Disconnect { at }),
            Err(SenderAccountError::NotFound)
        );
        for event in account.decide(connect()).expect("connects") {
            account.evolve(&event);
        }
        assert_eq!(account.decide(connect()), Ok(vec![]));
        for event in account
            .decide(SenderAccountCommand::Disconnect { at })
            .expect("disconnects")
        {
            account.evolve(&event);
        }
        assert_eq!(
            account.decide(SenderAccountCommand::Disconnect { at }),
            Ok(vec![])
        );
        assert_eq!(
            account.decide(connect()),
            Err(SenderAccountError::AlreadyConnected)
        );
    }
}
