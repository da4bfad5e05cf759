//! A router that counts what its lines transfer, and tells of it by RADIUS: what it puts into its packets.

use simpul_domain::{
    RadiusSessionId, RouterId, TenantId,
    accounting::{Octets, Usage},
};

/// One session as its router knows it.
#[derive(Debug, Clone)]
pub struct Online {
    pub session: RadiusSessionId,
    pub unique_id: String,
    pub began_ms: u64,
    pub usage: Usage,
}

/// A router and who dials in.
#[derive(Debug, Clone)]
pub struct Nas {
    pub tenant: TenantId,
    pub router: RouterId,
    /// Whether it sends the upper halves of its counters.
    pub wide: bool,
    /// User names.
    pub callers: Vec<String>,
    /// How many sessions it has numbered.
    pub sessions: u64,
}

impl Nas {
    /// A caller comes online.
    pub fn admit(&mut self, now_ms: u64) -> Online {
        self.sessions += 1;
        let unique_id = format!("{}-{}", self.router, self.sessions);
        Online {
            session: RadiusSessionId::derive(self.router.as_uuid(), &unique_id),
            unique_id,
            began_ms: now_ms,
            usage: Usage::default(),
        }
    }

    /// The body that FreeRADIUS makes of a packet.
    pub fn packet(&self, user: &str, online: &Online, status: &str) -> String {
        let usage = online.usage;
        let count = |name: &str, octets: Octets| {
            let (lower, upper) = (octets.get() & 0xffff_ffff, octets.get() >> 32);
            let lower = attribute(&format!("Acct-{name}-Octets"), &lower.to_string());
            if self.wide {
                lower + &attribute(&format!("Acct-{name}-Gigawords"), &upper.to_string())
            } else {
                lower
            }
        };
        let mut body = String::from("{");
        body += &attribute("User-Name", &format!("\"{user}\""));
        body += &attribute("Calling-Station-Id", &format!("\"{user}'s device\""));
        body += &attribute("Acct-Unique-Session-Id", &format!("\"{}\"", online.unique_id));
        if status != "Start" {
            body += &attribute("Acct-Session-Time", &usage.seconds.to_string());
            body += &count("Input", usage.input_octets);
            body += &count("Output", usage.output_octets);
        }
        body + &last("Acct-Status-Type", &format!("\"{status}\"")) + "}"
    }

    /// The body of a packet about the router itself.
    pub fn on() -> String {
        format!("{{{}}}", last("Acct-Status-Type", "\"Accounting-On\""))
    }
}

fn attribute(name: &str, value: &str) -> String {
    format!("{},", last(name, value))
}

fn last(name: &str, value: &str) -> String {
    format!("\"{name}\":{{\"value\":[{value}]}}")
}
