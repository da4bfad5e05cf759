//! Nothing of whoever is erased is left anywhere: the whole database is written out and searched.

use std::{net::IpAddr, process::Command};

use serde_json::{Value, json};
use simpul_api::Surface;
use simpul_domain::identity::LetterKind;

use super::house::{House, In, PASSWORD};
use crate::front::document;

const EMAIL: &str = "siti.terhapus@kayu.example";
const NAME: &str = "Siti Terhapus";
const PROGRAM: &str = "Peramban/77 (ponsel Siti)";
const IP: &str = "203.0.113.77";
const ELSEWHERE: &str = "198.51.100.4";
const IN: &str = "tokens { sessionId userId accessToken refreshToken }";

/// Everything that the database holds, as text.
fn dump(house: &House) -> String {
    let dumped = Command::new("pg_dump")
        .arg("--inserts")
        .arg(format!("--dbname={}", house.front.test.superuser_url()))
        .output()
        .expect("PostgreSQL's own program");
    assert!(
        dumped.status.success(),
        "{}",
        String::from_utf8_lossy(&dumped.stderr)
    );
    String::from_utf8_lossy(&dumped.stdout).into_owned()
}

/// Where a text stands, if it stands anywhere.
fn places<'d>(dump: &'d str, text: &str) -> Vec<&'d str> {
    dump.lines().filter(|line| line.contains(text)).collect()
}

struct Siti {
    house: House,
    ip: IpAddr,
}

impl Siti {
    /// Tells something from her place, with her program.
    async fn tell(&self, token: Option<&str>, mutation: &str, fields: &str, input: Value) -> Value {
        let mut query = document(mutation, fields);
        if token.is_none() {
            query = query.replace(" consistencyToken", "");
        }
        let tenant = self.house.tenant().to_string();
        let headers = [("user-agent", PROGRAM), ("x-tenant-id", tenant.as_str())];
        let body = json!({ "query": query, "variables": { "input": input } });
        let asked = (Surface::Staff, token, Some(self.ip));
        let answer = self.house.send(asked, &headers, &body).await;
        answer.payload(mutation).clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_erased_is_nowhere_in_the_whole_database() {
    let house = House::open().await;
    let owner = house.front.owner;
    let input = json!({ "email": EMAIL, "name": NAME, "roles": ["admin"] });
    house
        .front
        .accepted(owner, "userInvite", "user { id }", input)
        .await;
    let secret = house.front.letters.secret_of(LetterKind::Invitation, EMAIL).await;
    let siti = Siti {
        house,
        ip: IP.parse().expect("an address"),
    };
    let input = json!({ "secret": secret, "password": PASSWORD });
    siti.tell(None, "invitationAccept", IN, input).await;
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let own = In::of(&siti.tell(None, "sessionStart", IN, right).await);
    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    let token = Some(own.access.as_str());
    let made = siti
        .tell(token, "customerRegister", "customer { id }", customer)
        .await;

    // While she is known, the trail says from where and with what.
    let Siti { house, .. } = siti;
    let trail = "query($id: ID!) { history(id: $id, first: 1) { nodes { actor ip userAgent } } }";
    let made = json!({ "id": made["customer"]["id"] });
    let shown = house.front.data(owner, trail, made.clone()).await;
    let entry = json!({ "actor": own.user, "ip": IP, "userAgent": PROGRAM });
    assert_eq!(shown["history"]["nodes"][0], entry);

    for mutation in ["userDisable", "userErase"] {
        let query = document(mutation, "user { status }");
        let variables = json!({ "input": { "id": own.user } });
        let told = house.front.data(owner, &query, variables).await;
        assert_eq!(told[mutation]["userErrors"], json!([]), "{told}");
    }
    let shown = house.front.data(owner, trail, made).await;
    let entry = json!({ "actor": own.user, "ip": null, "userAgent": null });
    assert_eq!(
        shown["history"]["nodes"][0], entry,
        "who did it stays, from where does not"
    );

    // What counts attempts forgets an address an hour after its last one, when somebody else comes.
    house.front.test.clock().advance(chrono::TimeDelta::hours(2));
    for _ in 0..3 {
        let nobody = json!({ "email": "nobody@kayu.example", "password": "x" });
        let elsewhere = ELSEWHERE.parse().expect("an address");
        house
            .enter_from(Some(elsewhere), "sessionStart", IN, nobody)
            .await;
    }
    let dump = dump(&house);
    assert!(
        !places(&dump, &own.user).is_empty(),
        "what she did is there, under her id"
    );
    for text in [EMAIL, NAME, PROGRAM, IP, "terhapus"] {
        assert_eq!(places(&dump, text), Vec::<&str>::new(), "{text}");
    }
}
