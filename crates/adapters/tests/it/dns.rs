//! What a real name server says, and when it says nothing.

use simpul_adapters::dns::Dns;
use simpul_testkit::dns::NameServer;

const NAME: &str = "_simpul.tagihan.wifimaju.id";

#[tokio::test]
async fn texts_are_read_anew_and_put_together_from_their_strings() {
    let mut server = NameServer::start();
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    let none: [&str; 0] = [];
    assert_eq!(dns.texts(NAME).await.expect("answered"), none, "no such name");
    let long = "x".repeat(700);
    server.says(NAME, &["token", &long]);
    let mut texts = dns.texts(NAME).await.expect("answered");
    texts.sort_unstable();
    assert_eq!(texts, ["token", &long]);
    server.says(NAME, &[]);
    assert_eq!(dns.texts(NAME).await.expect("answered"), none, "no such record");
}

#[tokio::test]
async fn trouble_is_not_an_answer() {
    let mut server = NameServer::start();
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    server.fails(NAME);
    assert!(dns.texts(NAME).await.is_err());
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent = Dns::at(&[nobody.local_addr().expect("an address")]).expect("a resolver");
    assert!(silent.texts(NAME).await.is_err(), "nobody answers there");
}
