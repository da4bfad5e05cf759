//! Memory and load, as Linux tells them (proc(5)). Elsewhere nothing is known.

use std::fs::read_to_string;

/// What the machine says. What it does not say is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Machine {
    /// Of this process.
    pub(crate) resident_bytes: Option<i64>,
    /// Of the machine.
    pub(crate) memory_bytes: Option<i64>,
    /// Of those, what could be had now.
    pub(crate) available_bytes: Option<i64>,
    /// Processes that ran or waited for the processor, on average over a minute.
    pub(crate) load: Option<f64>,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let text = |path| read_to_string(path).unwrap_or_default();
        let (own, memory) = (text("/proc/self/status"), text("/proc/meminfo"));
        Self {
            resident_bytes: bytes(&own, "VmRSS:"),
            memory_bytes: bytes(&memory, "MemTotal:"),
            available_bytes: bytes(&memory, "MemAvailable:"),
            load: text("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok()),
        }
    }
}

/// `VmRSS:     1234 kB`
fn bytes(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        let text = "VmPeak:\t  90000 kB\nVmRSS:\t   1234 kB\nThreads:\t5\n";
        assert_eq!(bytes(text, "VmRSS:"), Some(1_263_616));
        assert_eq!(bytes(text, "VmSwap:"), None);
        assert_eq!(bytes("VmRSS: much", "VmRSS:"), None);
    }
}
