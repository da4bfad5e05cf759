//! Settings as the operator's staff sees and changes them: a section at a time, with names for what is wrong.

use serde_json::{Value, json};

use crate::front::Front;

/// A mutation with its input, and what is read back after it.
type Change = (&'static str, Value, &'static str, Value);

/// Every section with a change.
fn changes() -> Vec<Change> {
    about_bills().into_iter().chain(about_the_rest()).collect()
}

fn about_bills() -> Vec<Change> {
    vec![
        (
            "regionSettingsChange",
            json!({ "timeZone": "MAKASSAR", "language": "EN" }),
            "region { timeZone language }",
            json!({ "region": { "timeZone": "MAKASSAR", "language": "EN" } }),
        ),
        (
            "invoicingSettingsChange",
            json!({
                "dueDay": 20, "issueDaysAhead": 5, "firstPeriod": "PRORATED",
                "roundingUnit": { "amount": "100", "currency": "IDR" },
                "numberPattern": "INV/{YYYY}/{NNNN}", "prepaidAnchor": "EXPIRY", "billWhileIsolated": false,
            }),
            "invoicing { dueDay firstPeriod roundingUnit { amount } numberPattern prepaidAnchor billWhileIsolated }",
            json!({ "invoicing": {
                "dueDay": 20, "firstPeriod": "PRORATED", "roundingUnit": { "amount": "100" },
                "numberPattern": "INV/{YYYY}/{NNNN}", "prepaidAnchor": "EXPIRY", "billWhileIsolated": false,
            } }),
        ),
        (
            "taxSettingsChange",
            json!({ "rules": [
                { "since": "2027-01-01", "tax": { "rateBasisPoints": 1200, "baseNumerator": 11, "baseDenominator": 12,
                  "inclusive": false } },
                { "since": "2028-01-01" },
            ] }),
            "taxes { since rateBasisPoints inclusive }",
            json!({ "taxes": [
                { "since": "2027-01-01", "rateBasisPoints": 1200, "inclusive": false },
                { "since": "2028-01-01", "rateBasisPoints": null, "inclusive": null },
            ] }),
        ),
        (
            "dunningSettingsChange",
            json!({ "reminderDays": [-3, 0], "graceDays": 3, "stopDays": null,
                "lateFee": { "basisPoints": 200, "cap": { "amount": "50000", "currency": "IDR" } } }),
            "dunning { reminderDays graceDays stopDays lateFee { basisPoints cap { amount } } }",
            json!({ "dunning": { "reminderDays": [-3, 0], "graceDays": 3, "stopDays": null,
                "lateFee": { "basisPoints": 200, "cap": { "amount": "50000" } } } }),
        ),
    ]
}

fn about_the_rest() -> Vec<Change> {
    vec![
        (
            "isolirSettingsChange",
            json!({ "strategy": "ADDRESS_LIST", "profile": "pay", "scope": "CUSTOMER", "guardMaxPercent": 10,
                "guardMaxTimesUsual": 2 }),
            "isolir { strategy profile scope guardMaxPercent guardMaxTimesUsual }",
            json!({ "isolir": { "strategy": "ADDRESS_LIST", "profile": "pay", "scope": "CUSTOMER",
                "guardMaxPercent": 10, "guardMaxTimesUsual": 2 } }),
        ),
        (
            "calendarSettingsChange",
            json!({ "holidays": ["2027-03-20", "2027-01-01"], "weekends": true }),
            "calendar { holidays weekends movesDueDates }",
            json!({ "calendar": { "holidays": ["2027-01-01", "2027-03-20"], "weekends": true, "movesDueDates": false } }),
        ),
        (
            "messagingSettingsChange",
            json!({ "kinds": ["INVOICE_PAID"], "quietHours": { "from": "20:00", "until": "08:00" },
                "whatsappSenderIds": [], "emailSenderIds": [] }),
            "messaging { kinds quietFrom quietUntil }",
            json!({ "messaging": { "kinds": ["INVOICE_PAID"], "quietFrom": "20:00", "quietUntil": "08:00" } }),
        ),
        (
            "paymentSettingsChange",
            json!({ "gatewayIds": [] }),
            "payments { gatewayIds }",
            json!({ "payments": { "gatewayIds": [] } }),
        ),
        (
            "brandingSettingsChange",
            json!({ "sellerName": "PT Maju", "logoUrl": "https://maju.id/logo.png", "colour": "#0a7cff",
                "footer": "Matur nuwun" }),
            "branding { sellerName logoUrl colour footer }",
            json!({ "branding": { "sellerName": "PT Maju", "logoUrl": "https://maju.id/logo.png",
                "colour": "#0a7cff", "footer": "Matur nuwun" } }),
        ),
        (
            "codeSettingsChange",
            json!({ "customer": "PLG-{NNNN}", "ticket": "T{NN}" }),
            "codes { customer ticket }",
            json!({ "codes": { "customer": "PLG-{NNNN}", "ticket": "T{NN}" } }),
        ),
        (
            "sessionSettingsChange",
            json!({ "interimIntervalSeconds": 600 }),
            "sessions { interimIntervalSeconds }",
            json!({ "sessions": { "interimIntervalSeconds": 600 } }),
        ),
        (
            "voucherSettingsChange",
            json!({ "length": 10, "charset": "UPPER", "prefix": "V-", "samePassword": false }),
            "vouchers { length charset prefix samePassword }",
            json!({ "vouchers": { "length": 10, "charset": "UPPER", "prefix": "V-", "samePassword": false } }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_section_is_read_back_and_its_change_is_in_the_history() {
    let front = Front::open().await;
    let mut sections = Vec::new();
    for (mutation, input, selection, expected) in changes() {
        let entity = format!("tenant {{ id settings {{ {selection} }} }}");
        let changed = front
            .accepted(front.owner, mutation, &entity, input.clone())
            .await;
        assert_eq!(changed["tenant"]["settings"], expected, "{mutation}");
        // What is so already is no news.
        front.accepted(front.owner, mutation, &entity, input).await;
        sections.extend(expected.as_object().expect("a section").keys().cloned());
    }
    let selections: Vec<_> = changes()
        .into_iter()
        .map(|(_, _, selection, _)| selection)
        .collect();
    let query = format!(
        "{{ viewer {{ tenant {{ id settings {{ {} }} }} }} }}",
        selections.join(" ")
    );
    let all = front.data(front.owner, &query, json!({})).await;
    for (mutation, _, _, expected) in changes() {
        for (section, value) in expected.as_object().expect("a section") {
            assert_eq!(&all["viewer"]["tenant"]["settings"][section], value, "{mutation}");
        }
    }
    let tenant = all["viewer"]["tenant"]["id"].clone();
    let query = "query($id: ID!) { history(id: $id, first: 100) { nodes { eventType actor } } }";
    let history = front.data(front.owner, query, json!({ "id": tenant })).await;
    let nodes = history["history"]["nodes"].as_array().expect("entries").iter();
    let owner = front.owner.user.to_string();
    let told = nodes.filter(|entry| entry["eventType"] == "tenancy.tenant.settings_changed");
    // Payment settings were as they are already.
    assert_eq!(
        told.filter(|entry| entry["actor"] == owner).count(),
        sections.len() - 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_section_has_a_name_and_changes_nothing() {
    let front = Front::open().await;
    let nobody = uuid::Uuid::nil();
    let cases = [
        (
            "invoicingSettingsChange",
            json!({
                "dueDay": 32, "issueDaysAhead": 61, "firstPeriod": "WHOLE",
                "roundingUnit": { "amount": "0", "currency": "IDR" }, "numberPattern": "INV-{SEQ}",
                "prepaidAnchor": "PAYMENT", "billWhileIsolated": true,
            }),
            vec!["dueDay", "issueDaysAhead", "roundingUnit", "numberPattern"],
        ),
        (
            "dunningSettingsChange",
            json!({
                "reminderDays": [200], "graceDays": -1, "stopDays": 0, "lateFee": {},
            }),
            vec!["reminderDays", "graceDays", "stopDays", "lateFee"],
        ),
        (
            "dunningSettingsChange",
            json!({ "reminderDays": [1, 1], "graceDays": 1 }),
            vec!["reminderDays"],
        ),
        (
            "taxSettingsChange",
            json!({ "rules": [
            { "since": "2028-01-01" }, { "since": "2027-01-01" },
        ] }),
            vec!["rules"],
        ),
        (
            "messagingSettingsChange",
            json!({
                "kinds": [], "quietHours": { "from": "25:00", "until": "08:00" }, "whatsappSenderIds": ["x"],
                "emailSenderIds": [],
            }),
            vec!["quietHours", "whatsappSenderIds"],
        ),
        (
            "messagingSettingsChange",
            json!({ "kinds": [], "whatsappSenderIds": [nobody], "emailSenderIds": [] }),
            vec!["whatsappSenderIds"],
        ),
        (
            "messagingSettingsChange",
            json!({ "kinds": [], "whatsappSenderIds": [], "emailSenderIds": [nobody] }),
            vec!["emailSenderIds"],
        ),
        (
            "paymentSettingsChange",
            json!({ "gatewayIds": [nobody] }),
            vec!["gatewayIds"],
        ),
        (
            "brandingSettingsChange",
            json!({ "logoUrl": "javascript:alert(1)", "colour": "red" }),
            vec!["logoUrl", "colour"],
        ),
        (
            "codeSettingsChange",
            json!({ "customer": "plg{N}", "ticket": "T" }),
            vec!["customer", "ticket"],
        ),
        (
            "sessionSettingsChange",
            json!({ "interimIntervalSeconds": 59 }),
            vec!["interimIntervalSeconds"],
        ),
        (
            "voucherSettingsChange",
            json!({
                "length": 4, "charset": "NUMERIC", "prefix": "", "samePassword": true,
            }),
            vec!["length"],
        ),
    ];
    let before = simpul_event_store::feed::head(&front.test.store(), front.owner.tenant).await;
    for (mutation, input, fields) in cases {
        let payload = front.payload(front.owner, mutation, "tenant { id }", input).await;
        assert_eq!(payload["tenant"], Value::Null, "{mutation}");
        let errors = payload["userErrors"].as_array().expect("errors");
        let named: Vec<_> = errors
            .iter()
            .map(|error| error["path"][1].as_str().expect("a path"))
            .collect();
        assert_eq!(named, fields, "{mutation}: {payload}");
    }
    let after = simpul_event_store::feed::head(&front.test.store(), front.owner.tenant).await;
    assert_eq!(before.expect("a head"), after.expect("a head"));
}
