//! How many files this process may have open, and how many of them are left for clients.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::seats::TOLD;

/// Fewer clients at a time are no service.
const LEAST: u64 = 16;

/// The process may not open enough files to serve anybody.
#[derive(Debug, thiserror::Error)]
#[error("this process may open {limit} files and needs {needed}: raise the limit (ulimit -n, LimitNOFILE)")]
pub(crate) struct TooFewFiles {
    limit: u64,
    needed: u64,
}

/// How many connections of clients there can be at once: `wanted`, or what the process's own files leave of its limit.
/// `own` are those that it needs besides.
pub(crate) fn room(wanted: usize, own: u64) -> Result<usize, TooFewFiles> {
    let room = left(wanted, own, raised())?;
    if room < wanted {
        tracing::warn!(
            wanted,
            room,
            "the limit of open files leaves less room for connections than http.connections.total"
        );
    }
    Ok(room)
}

fn left(wanted: usize, own: u64, limit: u64) -> Result<usize, TooFewFiles> {
    let own = own + TOLD as u64;
    let left = limit.saturating_sub(own);
    if left < LEAST {
        let needed = own + LEAST;
        return Err(TooFewFiles { limit, needed });
    }
    Ok(usize::try_from(left).map_or(wanted, |left| left.min(wanted)))
}

/// The limit, raised as far as the process may by itself. Shells and services begin with a low one, for programs that
/// count descriptors in fixed sets; this one does not.
fn raised() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return u64::MAX;
    };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return hard;
    }
    soft
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_the_process_does_not_need_itself() {
        assert_eq!(left(10_000, 200, 1_048_576).ok(), Some(10_000));
        assert_eq!(left(10_000, 200, 256).ok(), Some(256 - 200 - TOLD));
        let error = left(10_000, 200, 128).expect_err("nothing is left");
        assert_eq!((error.limit, error.needed), (128, 232));
        assert!(error.to_string().contains("ulimit -n"), "{error}");
    }
}
