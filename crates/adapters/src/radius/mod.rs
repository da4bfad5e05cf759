//! RADIUS accounting as FreeRADIUS hands it over (`rlm_rest`, `facts/network.md` 3.1): read, and put into batches.
//!
//! Pure: no socket and no clock. What a packet means is `simpul_domain::accounting`'s matter.

mod batcher;
mod decode;

pub use batcher::{Batcher, Full};
pub use decode::{Packet, Rubbish, SessionPacket, decode};
