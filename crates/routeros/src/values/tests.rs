//! Vectors from manuals and real routers, and round-trip properties.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn seconds(text: &str) -> u64 {
    parse_duration(text).unwrap().as_secs()
}

#[test]
fn durations_are_read_in_every_spelling() {
    assert_eq!(seconds("1w2d3h4m5s"), 788_645);
    assert_eq!(seconds("12:30:05"), 45_005);
    assert_eq!(seconds("1w2d03:04:05"), 788_645);
    assert_eq!(seconds("2d20h12m20s"), 245_540);
    assert_eq!(seconds("1d00:00:00"), 86_400);
    assert_eq!(seconds("3600"), 3_600);
    assert_eq!(seconds("0s"), 0);
    assert_eq!(parse_duration("450us").unwrap(), Duration::from_micros(450));
    assert_eq!(parse_duration("1s500ms").unwrap(), Duration::from_millis(1_500));
    assert_eq!(
        parse_duration("00:00:01.25").unwrap(),
        Duration::from_millis(1_250)
    );
}

#[test]
fn what_is_not_a_duration_is_refused() {
    for text in [
        "",
        "never",
        "1x",
        "h",
        "1s1h",
        "1h1h",
        "1h5",
        "00:61:00",
        "1:2:3:4",
        "-5s",
        "99999999999999999999s",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn flags_are_read_in_both_spellings() {
    assert_eq!((parse_flag("true"), parse_flag("yes")), (Ok(true), Ok(true)));
    assert_eq!((parse_flag("false"), parse_flag("no")), (Ok(false), Ok(false)));
    assert!(parse_flag("").is_err() && parse_flag("1").is_err());
    assert_eq!(parse_flag(format_flag(true)), Ok(true));
}

#[test]
fn rates_are_thousands_not_powers_of_two() {
    assert_eq!("10M".parse::<BitRate>().unwrap().bps(), 10_000_000);
    assert_eq!("512k".parse::<BitRate>().unwrap().bps(), 512_000);
    assert_eq!("1G".parse::<BitRate>().unwrap().bps(), 1_000_000_000);
    assert_eq!(BitRate::from_mbps(10).to_string(), "10M");
    assert_eq!(BitRate::from_kbps(1_500).to_string(), "1500k");
    for text in [
        "",
        "M",
        "10 M",
        "-1",
        "1.5M",
        "99999999999999999999",
        "18446744073709551615k",
    ] {
        assert!(text.parse::<BitRate>().is_err(), "{text}");
    }
}

#[test]
fn upload_comes_first_because_the_router_receives_it() {
    let rate = Pair {
        upload: BitRate::from_mbps(5),
        download: BitRate::from_mbps(20),
    };
    assert_eq!(RateLimit::new(rate).to_string(), "5M/20M");
    let read: RateLimit = "5M/20M 6M/25M 4M/16M 10/10 8 1M/4M".parse().unwrap();
    assert_eq!(read.rate(), rate);
    assert_eq!(
        read.guaranteed(),
        Pair::new(BitRate::from_mbps(1), BitRate::from_mbps(4))
    );
    assert_eq!(read.to_string(), "5M/20M 6M/25M 4M/16M 10/10 8 1M/4M");
}

#[test]
fn a_missing_part_takes_the_documented_default() {
    let short: RateLimit = "2M 4M".parse().unwrap();
    let long: RateLimit = "2M/2M 4M/4M 2M/2M 1/1 8 0/0".parse().unwrap();
    assert!(short.means_the_same_as(&long));
}

#[test]
fn a_priority_spells_the_burst_that_it_needs() {
    let limit = RateLimit::new(Pair::both(BitRate::from_mbps(5)))
        .with_priority(3)
        .unwrap();
    assert_eq!(limit.to_string(), "5M/5M 0/0 0/0 0/0 3");
    assert!(
        limit
            .to_string()
            .parse::<RateLimit>()
            .unwrap()
            .means_the_same_as(&limit)
    );
}

#[test]
fn a_limit_that_no_router_would_honour_is_not_built() {
    let plain = RateLimit::new(Pair::both(BitRate::from_mbps(10)));
    let burst = |rate, threshold, window| Burst {
        rate: Pair::both(BitRate::from_mbps(rate)),
        threshold: Pair::both(BitRate::from_mbps(threshold)),
        window: Pair::both(Duration::from_millis(window)),
    };
    assert_eq!(
        plain.with_burst(burst(5, 4, 1_000)),
        Err(RateLimitError::BurstBelowRate)
    );
    assert_eq!(
        plain.with_burst(burst(15, 20, 1_000)),
        Err(RateLimitError::ThresholdAboveBurst)
    );
    assert_eq!(
        plain.with_burst(burst(15, 8, 0)),
        Err(RateLimitError::BurstWindow)
    );
    assert_eq!(
        plain.with_burst(burst(15, 8, 1_500)),
        Err(RateLimitError::BurstWindow)
    );
    assert!(plain.with_priority(0).is_err() && plain.with_priority(9).is_err());
    let above = Pair::both(BitRate::from_mbps(11));
    assert_eq!(
        plain.with_guaranteed(above),
        Err(RateLimitError::GuaranteedAboveRate)
    );
}

#[test]
fn what_is_not_a_rate_limit_is_refused() {
    for text in [
        "",
        " ",
        "fast",
        "1M/2M/3M",
        "1M x",
        "1M 1M 1M 1 9",
        "1M 1M 1M 1 8 1M 7",
    ] {
        assert!(text.parse::<RateLimit>().is_err(), "{text}");
    }
}

#[test]
fn the_longest_burst_follows_the_manual() {
    let limit = RateLimit::new(Pair::both(BitRate::from_mbps(1)))
        .with_burst(Burst {
            rate: Pair::both(BitRate::from_mbps(4)),
            threshold: Pair::both(BitRate::from_kbps(1_500)),
            window: Pair::both(Duration::from_secs(16)),
        })
        .unwrap();
    assert_eq!(limit.longest_burst(), Some(Pair::both(Duration::from_secs(6))));
}

#[test]
fn the_same_value_in_two_spellings_is_no_drift() {
    for (name, left, right) in [
        ("max-limit", "10M/10M", "10000000/10000000"),
        ("max-limit", "10M", "10M/10M"),
        ("rate-limit", "5M", "5000000/5000000"),
        ("disabled", "yes", "true"),
        ("session-timeout", "1h", "01:00:00"),
        ("address", "10.0.0.1", "10.0.0.1/32"),
        ("ranges", "192.168.0.0-192.168.1.255", "192.168.0.0/23"),
        ("policy", "read,write", "write,read"),
        ("comment", "10M", "10M"),
    ] {
        assert!(
            same(name, left, right) && same(name, right, left),
            "{name}: {left} and {right}"
        );
    }
}

#[test]
fn values_that_differ_stay_different() {
    for (name, left, right) in [
        ("comment", "10M", "10000000"),
        ("rate-limit", "5M/10M", "10M/5M"),
        ("address", "10.0.0.1", "10.0.0.2/32"),
        ("address", "10.0.0.0/24", "10.0.0.0/25"),
        ("ranges", "10.0.0.2-10.0.0.9", "10.0.0.2-10.0.0.10"),
        ("disabled", "yes", "maybe"),
        ("session-timeout", "1h", "1m"),
        ("remote-address", "pool-a", "pool-b"),
    ] {
        assert!(!same(name, left, right), "{name}: {left} and {right}");
    }
}

fn rates() -> impl Strategy<Value = Pair<BitRate>> {
    (1u64..10_000_000_000, 1u64..10_000_000_000)
        .prop_map(|(up, down)| Pair::new(BitRate::from_bps(up), BitRate::from_bps(down)))
}

fn add(pair: Pair<BitRate>, more: u64) -> Pair<BitRate> {
    Pair::new(
        BitRate::from_bps(pair.upload.bps() + more),
        BitRate::from_bps(pair.download.bps() + more),
    )
}

fn limits() -> impl Strategy<Value = RateLimit> {
    let burst = prop::option::of((0u64..1_000_000, 1u64..100, 1u64..100));
    (rates(), burst, prop::option::of(1u8..=8), any::<bool>()).prop_map(
        |(rate, burst, priority, guaranteed)| {
            let mut limit = RateLimit::new(rate);
            if let Some((more, up, down)) = burst {
                let window = Pair::new(Duration::from_secs(up), Duration::from_secs(down));
                limit = limit
                    .with_burst(Burst {
                        rate: add(rate, more),
                        threshold: rate,
                        window,
                    })
                    .unwrap();
            }
            if let Some(priority) = priority {
                limit = limit.with_priority(priority).unwrap();
            }
            if guaranteed {
                limit.with_guaranteed(rate).unwrap()
            } else {
                limit
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_rate_limit_reads_back_as_it_was_built(limit in limits()) {
        let read: RateLimit = limit.to_string().parse().unwrap();
        prop_assert!(read.means_the_same_as(&limit), "{limit} was read as {read}");
        prop_assert_eq!(read.rate(), limit.rate());
        prop_assert!(same("rate-limit", &limit.to_string(), &read.to_string()));
    }

    #[test]
    fn swapping_the_directions_is_always_seen(limit in limits()) {
        let rate = limit.rate();
        prop_assume!(rate.upload != rate.download);
        let swapped = RateLimit::new(Pair::new(rate.download, rate.upload));
        prop_assert!(!same("rate-limit", &limit.to_string(), &swapped.to_string()));
    }

    #[test]
    fn a_rate_reads_back(bps in any::<u64>()) {
        prop_assert_eq!(BitRate::from_bps(bps).to_string().parse::<BitRate>().unwrap().bps(), bps);
    }

    #[test]
    fn a_duration_reads_back(seconds in 0u64..10_000_000_000, nanos in 0u32..1_000_000_000) {
        let duration = Duration::new(seconds, nanos);
        prop_assert_eq!(parse_duration(&format_duration(duration)).unwrap(), duration);
    }

    #[test]
    fn rubbish_is_never_a_panic(text in ".{0,60}", name in "[a-z-]{1,20}") {
        let _read = (parse_duration(&text), text.parse::<RateLimit>(), text.parse::<BitRate>(), parse_flag(&text));
        let _same = ["rate-limit", "ranges", "address", "policy", name.as_str()].map(|name| same(name, &text, "1M"));
    }
}
