//! How the first people come in: the owner of the platform by the command line, the owner of a tenant by a letter.

use http::{HeaderName, HeaderValue, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::egress::{Egress, Policy};
use simpul_domain::TenantId;
use simpul_testkit::{MailOptions, MailServer, MailTls};

use crate::world::{Way, World};

const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");
const PASSWORD: &str = "kata sandi rahasia";
const TO: &str = "siti@wifimaju.example";

/// A mutation's payload. `who` is a tenant for somebody without a token, or else a token.
async fn tell(
    world: &World,
    path: &str,
    who: Result<&str, &str>,
    mutation: &str,
    fields: &str,
    input: Value,
) -> Value {
    let egress = Egress::new(Policy::development()).expect("a guard");
    let url = world.address().join(path).expect("a URL");
    let name = mutation[..1].to_uppercase() + &mutation[1..];
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ code message }} }} }}"
    );
    let mut answer = None;
    world
        .until("the front door answers", async || {
            let request = egress.http().post(url.clone()).expect("allowed");
            let request = match who {
                Ok(tenant) => request.header(TENANT, HeaderValue::from_str(tenant).expect("a header")),
                Err(token) => request
                    .secret_header(header::AUTHORIZATION, "Bearer ", &SecretString::from(token))
                    .expect("a header"),
            };
            let body = json!({ "query": query, "variables": { "input": input } });
            match request.json(&body).send().await {
                Ok(reply) if reply.status == 200 => {
                    answer = Some(reply.json::<Value>().expect("JSON"));
                    true
                }
                _ => false,
            }
        })
        .await;
    let mut answer = answer.expect("an answer");
    assert!(answer.get("errors").is_none(), "{answer}");
    let payload = answer["data"][mutation].take();
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    payload
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The owner of the platform, invited by whoever rules the machine.
async fn platform_owner(world: &World) -> String {
    let platform = TenantId::PLATFORM.to_string();
    let output = world
        .command()
        .args([
            "users",
            "invite",
            "--tenant",
            &platform,
            "--email",
            "owner@simpul.example",
            "--name",
            "Ayu",
        ])
        .output()
        .expect("the binary runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).expect("text");
    let secret = printed.split_whitespace().last().expect("a secret").to_owned();
    let input = json!({ "secret": secret, "password": PASSWORD });
    let fields = "tokens { accessToken }";
    let payload = tell(
        world,
        "platform/graphql",
        Ok(&platform),
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
    let onboarded = tell(
        &world,
        "platform/graphql",
        Err(&token),
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
    tell(
        &world,
        "graphql",
        Ok(&tenant),
        "invitationAccept",
        "tokens { accessToken }",
        input,
    )
    .await;
    let input = json!({ "email": TO, "password": PASSWORD });
    let entered = tell(
        &world,
        "graphql",
        Ok(&tenant),
        "sessionStart",
        "tokens { accessToken }",
        input,
    )
    .await;
    assert!(entered["tokens"]["accessToken"].is_string(), "{entered}");
    assert_eq!(mail.letters().len(), 1, "one letter, and no other");

    // What only the owner of the platform may do.
    let input = json!({ "id": tenant, "on": true });
    let fields = "tenant { radiusCutOff }";
    let cut = tell(
        &world,
        "platform/graphql",
        Err(&token),
        "tenantRadiusCutOff",
        fields,
        input,
    )
    .await;
    assert_eq!(cut["tenant"]["radiusCutOff"], true);
}
