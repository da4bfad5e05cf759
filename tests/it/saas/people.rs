//! Who asks at which door. Tokens live for minutes and the story for weeks, so people sign in anew on each day of it.

use serde_json::{Value, json};
use simpul_domain::TenantId;
use simpul_testkit::MailServer;

use crate::world::{Caller, PLATFORM_OWNER, World};

pub(crate) const PASSWORD: &str = "kata sandi rahasia";
/// The operator's owner.
pub(crate) const OPERATOR_OWNER: &str = "siti@wifimaju.example";

/// One of the product's front doors.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    Platform,
    Staff,
}

impl Door {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Platform => "platform/graphql",
            Self::Staff => "graphql",
        }
    }
}

/// Somebody with a password.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) door: Door,
    tenant: String,
    email: &'static str,
    token: String,
}

impl Person {
    /// The owner of the platform, invited by whoever rules the machine.
    pub(crate) async fn platform_owner(world: &World) -> Self {
        let secret = world.platform_owners_ticket();
        Self::join(world, Door::Platform, TenantId::PLATFORM, PLATFORM_OWNER, &secret).await
    }

    /// The owner of an operator that was just onboarded, whose invitation comes by mail.
    pub(crate) async fn operator_owner(world: &World, mail: &MailServer, tenant: TenantId) -> Self {
        world
            .until("the owner has a letter", async || {
                mail.letters()
                    .await
                    .iter()
                    .any(|letter| letter.to == OPERATOR_OWNER)
            })
            .await;
        let letter = mail.letter_to(OPERATOR_OWNER, 0).await;
        let secret = letter
            .message
            .split(|letter: char| letter.is_whitespace() || letter == '<' || letter == '>')
            .find(|word| word.starts_with("smpin_"))
            .expect("a ticket");
        Self::join(world, Door::Staff, tenant, OPERATOR_OWNER, secret).await
    }

    async fn join(world: &World, door: Door, tenant: TenantId, email: &'static str, secret: &str) -> Self {
        let mut person = Self {
            door,
            tenant: tenant.to_string(),
            email,
            token: String::new(),
        };
        let input = json!({ "secret": secret, "password": PASSWORD });
        let guest = Caller::Guest(&person.tenant);
        // A ticket is good once: whoever did not hear the answer has a password, and signs in.
        world
            .try_to_tell(
                door.path(),
                guest,
                "invitationAccept",
                "tokens { accessToken }",
                input,
            )
            .await;
        person.sign_in(world).await;
        person
    }

    pub(crate) async fn sign_in(&mut self, world: &World) {
        let input = json!({ "email": self.email, "password": PASSWORD });
        let guest = Caller::Guest(&self.tenant);
        let fields = "tokens { accessToken }";
        let entered = world
            .tell(self.door.path(), guest, "sessionStart", fields, input)
            .await;
        let token = entered["tokens"]["accessToken"].as_str();
        token.expect("a token").clone_into(&mut self.token);
    }

    /// The payload of a mutation that is accepted. The mutation's name is its key: each happens once in the story, whatever
    /// is between the asker and the answer.
    pub(crate) async fn tell(&self, world: &World, mutation: &str, fields: &str, mut input: Value) -> Value {
        if input.get("idempotencyKey").is_none() {
            input["idempotencyKey"] = json!(mutation);
        }
        let caller = Caller::Bearer(&self.token);
        world
            .tell(self.door.path(), caller, mutation, fields, input)
            .await
    }

    /// The status and the code with which a mutation is refused as a whole.
    pub(crate) async fn refused(&self, world: &World, mutation: &str, input: Value) -> (u16, Value) {
        let name = mutation[..1].to_uppercase() + &mutation[1..];
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
        );
        let caller = Caller::Bearer(&self.token);
        let variables = json!({ "input": input });
        let (status, mut answer) = world.ask_at(self.door.path(), caller, &query, variables).await;
        (status, answer["errors"][0]["extensions"]["code"].take())
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// What a query says.
    pub(crate) async fn read(&self, world: &World, query: &str) -> Value {
        let caller = Caller::Bearer(&self.token);
        let (_, mut answer) = world.ask_at(self.door.path(), caller, query, json!({})).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    /// What a query says as soon as it satisfies.
    pub(crate) async fn read_until(
        &self,
        world: &World,
        what: &str,
        query: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let seen = world.in_time(async || {
            last = self.read(world, query).await;
            is_so(&last)
        });
        let seen = seen.await;
        assert!(seen, "waited in vain until {what}: {last}");
        last
    }
}
