//! How the first people come in: the owner of the platform by the command line, the owner of a tenant by a letter.

use serde_json::{Value, json};
use simpul_domain::TenantId;
use simpul_testkit::{MailOptions, MailServer, MailTls};

use crate::world::{Caller, Way, World};

const PASSWORD: &str = "kata sandi rahasia";
const TO: &str = "siti@wifimaju.example";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The owner of the platform, invited by whoever rules the machine.
async fn platform_owner(world: &World) -> String {
    let platform = TenantId::PLATFORM.to_string();
    let secret = world.platform_owners_ticket();
    let input = json!({ "secret": secret, "password": PASSWORD });
    let fields = "tokens { accessToken }";
    let payload = world
        .tell(
            "platform/graphql",
            Caller::Guest(&platform),
            "invitationAccept",
            fields,
            input,
        )
        .await;
    text(&payload["tokens"]["accessToken"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_onboarded_its_owner_gets_a_letter_joins_and_signs_in() {
    let mail = MailServer::start(MailOptions {
        tls: MailTls::StartTls,
        ..MailOptions::default()
    })
    .await;
    let world = World::start_with_mail(Way::Store, &mail).await;
    let token = platform_owner(&world).await;
    let input = json!({
        "name": "Wifi Maju", "subdomain": "wifi-maju", "plan": "pro", "ownerName": "Siti Aminah",
        "ownerEmail": TO, "timeZone": "JAKARTA",
    });
    let onboarded = world
        .tell(
            "platform/graphql",
            Caller::Bearer(&token),
            "tenantOnboard",
            "tenant { id }",
            input,
        )
        .await;
    let tenant = text(&onboarded["tenant"]["id"]);

    let letter = mail.letter_to(TO, 0).await;
    assert!(letter.encrypted);
    assert!(letter.message.contains("Wifi Maju"), "{}", letter.message);
    let secret = letter
        .message
        .split(|letter: char| letter.is_whitespace() || letter == '<' || letter == '>')
        .find(|word| word.starts_with("smpin_"))
        .expect("a ticket")
        .to_owned();
    let input = json!({ "secret": secret, "password": PASSWORD });
    world
        .tell(
            "graphql",
            Caller::Guest(&tenant),
            "invitationAccept",
            "tokens { accessToken }",
            input,
        )
        .await;
    let input = json!({ "email": TO, "password": PASSWORD });
    let entered = world
        .tell(
            "graphql",
            Caller::Guest(&tenant),
            "sessionStart",
            "tokens { accessToken }",
            input,
        )
        .await;
    assert!(entered["tokens"]["accessToken"].is_string(), "{entered}");
    assert_eq!(mail.letters().await.len(), 1, "one letter, and no other");

    // What only the owner of the platform may do.
    let input = json!({ "id": tenant, "on": true });
    let fields = "tenant { radiusCutOff }";
    let cut = world
        .tell(
            "platform/graphql",
            Caller::Bearer(&token),
            "tenantRadiusCutOff",
            fields,
            input,
        )
        .await;
    assert_eq!(cut["tenant"]["radiusCutOff"], true);
}
