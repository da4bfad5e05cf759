//! State and decisions of a gateway account.

use serde::{Deserialize, Serialize};

use super::{
    ConnectGatewayAccount, GatewayAccountCommand, GatewayAccountConnected, GatewayAccountDisconnected,
    GatewayAccountError, GatewayAccountEvent,
};
use crate::{Decider, GatewayId, aggregate, billing::gateway::GatewayKind};

const MAX_TEXT_CHARS: usize = 200;

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GatewayAccountStatus {
    #[default]
    Absent,
    Connected {
        gateway: GatewayId,
        kind: GatewayKind,
        merchant_code: String,
    },
    Disconnected,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GatewayAccount {
    status: GatewayAccountStatus,
}

aggregate!(GatewayAccount);

impl GatewayAccount {
    pub const fn status(&self) -> &GatewayAccountStatus {
        &self.status
    }

    /// The protocol of a connected account.
    pub const fn kind(&self) -> Option<GatewayKind> {
        match &self.status {
            GatewayAccountStatus::Connected { kind, .. } => Some(*kind),
            GatewayAccountStatus::Absent | GatewayAccountStatus::Disconnected => None,
        }
    }
}

fn connect(connect: ConnectGatewayAccount) -> Result<Vec<GatewayAccountEvent>, GatewayAccountError> {
    for (text, field) in [
        (&connect.merchant_code, "merchant_code"),
        (&connect.fallback_email, "fallback_email"),
    ] {
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS {
            return Err(GatewayAccountError::TextInvalid { field });
        }
    }
    Ok(vec![GatewayAccountEvent::Connected(Box::new(
        GatewayAccountConnected {
            gateway: connect.gateway,
            kind: connect.kind,
            mode: connect.mode,
            merchant_code: connect.merchant_code,
            api_key: connect.api_key,
            signing_key: connect.signing_key,
            fallback_email: connect.fallback_email,
            hook_digest: connect.hook_digest,
            at: connect.at,
        },
    ))])
}

impl Decider for GatewayAccount {
    const TYPE: &'static str = "billing.gateway_account";
    const STATE_VERSION: i32 = 1;
    type Command = GatewayAccountCommand;
    type Event = GatewayAccountEvent;
    type Error = GatewayAccountError;

    fn decide(
        &self,
        command: GatewayAccountCommand,
    ) -> Result<Vec<GatewayAccountEvent>, GatewayAccountError> {
        match (command, &self.status) {
            (GatewayAccountCommand::Connect(command), GatewayAccountStatus::Absent) => connect(*command),
            (
                GatewayAccountCommand::Connect(command),
                GatewayAccountStatus::Connected {
                    kind, merchant_code, ..
                },
            ) if *kind == command.kind && *merchant_code == command.merchant_code => Ok(Vec::new()),
            (
                GatewayAccountCommand::Connect(_),
                GatewayAccountStatus::Connected { .. } | GatewayAccountStatus::Disconnected,
            ) => Err(GatewayAccountError::AlreadyConnected),
            (GatewayAccountCommand::Disconnect { at }, GatewayAccountStatus::Connected { gateway, .. }) => {
                let gateway = *gateway;
                Ok(vec![GatewayAccountEvent::Disconnected(
                    GatewayAccountDisconnected { gateway, at },
                )])
            }
            (GatewayAccountCommand::Disconnect { .. }, GatewayAccountStatus::Disconnected) => Ok(Vec::new()),
            (GatewayAccountCommand::Disconnect { .. }, GatewayAccountStatus::Absent) => {
                Err(GatewayAccountError::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &GatewayAccountEvent) {
        self.status = match event {
            GatewayAccountEvent::Connected(connected) => GatewayAccountStatus::Connected {
                gateway: connected.gateway,
                kind: connected.kind,
                merchant_code: connected.merchant_code.clone(),
            },
            GatewayAccountEvent::Disconnected(_) => GatewayAccountStatus::Disconnected,
        };
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;
    use uuid::Uuid;

    use super::*;
    use crate::{Sealed, billing::gateway_account::GatewayMode};

    fn command(merchant_code: &str) -> GatewayAccountCommand {
        GatewayAccountCommand::Connect(Box::new(ConnectGatewayAccount {
            gateway: GatewayId::new(Uuid::from_u128(1)),
            kind: GatewayKind::Tripay,
            mode: GatewayMode::Sandbox,
            merchant_code: merchant_code.to_owned(),
            api_key: Sealed::new("a".to_owned()),
            signing_key: Sealed::new("b".to_owned()),
            fallback_email: "tagihan@contoh.id".to_owned(),
            hook_digest: "token".to_owned(),
            at: chrono::DateTime::UNIX_EPOCH,
        }))
    }

    fn connected() -> Vec<GatewayAccountEvent> {
        GatewayAccount::default().decide(command("T1")).expect("connects")
    }

    #[test]
    fn connecting_the_same_merchant_again_changes_nothing() {
        TestFramework::<GatewayAccount>::with(())
            .given(connected())
            .when(command("T1"))
            .then_expect_events(vec![]);
    }

    #[test]
    fn another_merchant_needs_another_account() {
        TestFramework::<GatewayAccount>::with(())
            .given(connected())
            .when(command("T2"))
            .then_expect_error(GatewayAccountError::AlreadyConnected);
    }

    #[test]
    fn an_account_names_its_merchant() {
        TestFramework::<GatewayAccount>::with(())
            .given_no_previous_events()
            .when(command(" "))
            .then_expect_error(GatewayAccountError::TextInvalid {
                field: "merchant_code",
            });
    }

    #[test]
    fn a_disconnected_account_stays_disconnected() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let mut account = GatewayAccount::default();
        assert_eq!(
            account.decide(GatewayAccountCommand::Disconnect { at }),
            Err(GatewayAccountError::NotFound)
        );
        for event in &connected() {
            account.evolve(event);
        }
        let events = account
            .decide(GatewayAccountCommand::Disconnect { at })
            .expect("disconnects");
        assert_eq!(events.len(), 1);
        for event in &events {
            account.evolve(event);
        }
        assert_eq!(
            account.decide(GatewayAccountCommand::Disconnect { at }),
            Ok(vec![])
        );
        assert_eq!(
            account.decide(command("T1")),
            Err(GatewayAccountError::AlreadyConnected)
        );
        assert_eq!(account.kind(), None);
    }
}
