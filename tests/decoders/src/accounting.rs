//! What FreeRADIUS hands over of what routers tell.

use simpul_adapters::radius::{Packet, decode};
use simpul_domain::accounting::{Meter, Octets};

/// Whatever it is, it is a packet or rubbish: nothing is longer than what arrived, nothing cannot be written into the log, and
/// a session's counters can be read.
pub(crate) fn radius_accounting(bytes: &[u8]) {
    let decoded = decode(bytes);
    assert_eq!(decoded, decode(bytes), "the same bytes are the same packet");
    let Ok(Packet::Session(packet)) = decoded else {
        return;
    };
    let id = &packet.unique_id;
    assert!((1..=64).contains(&id.len()), "an id that is none");
    for text in [
        Some(id),
        packet.user.as_ref(),
        packet.station.as_ref(),
        packet.address.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        assert!(text.len() <= bytes.len() && !text.is_empty(), "more than arrived");
        assert!(!text.contains('\0'), "nothing that the log refuses");
    }
    if let Some(reading) = packet.reading {
        let mut meter = Meter::default();
        meter.read(&reading);
        let usage = meter.usage;
        assert!(usage.input_octets <= Octets::MAX && usage.output_octets <= Octets::MAX);
        assert_eq!(
            usage.input_octets, reading.input.octets,
            "one reading has not wrapped"
        );
        meter.read(&reading);
        assert_eq!(meter.usage, usage, "a repeat counts twice");
    }
}
