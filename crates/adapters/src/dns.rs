//! What the DNS says about a name, asked anew each time.
//!
//! Names come from tenants, servers never: they are the machine's own or those of this installation's settings. Of texts
//! nobody connects to what comes back: the guard of [`crate::egress`] is about names there, and `DomainName` lets none
//! through that could be of this network. Addresses are asked for by the guard itself, which looks at each.
//!
//! A question holds no thread while it waits: a name that nobody answers for is a matter of whoever asked.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
};

/// Reads TXT records, and addresses. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

/// Nobody said anything that can be believed: a time-out, a refusal, a server in trouble.
#[derive(Debug, thiserror::Error)]
#[error("the DNS did not answer")]
pub struct Silent(#[from] NetError);

impl Dns {
    /// By the machine's own servers (`/etc/resolv.conf`).
    pub fn system() -> Result<Self, Silent> {
        let mut builder = TokioResolver::builder_tokio()?;
        builder.options_mut().cache_size = 0;
        let resolver = builder.build()?;
        Ok(Self { resolver })
    }

    /// By these servers.
    pub fn at(servers: &[SocketAddr]) -> Result<Self, Silent> {
        let servers = servers.iter().map(|server| {
            let mut ways = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for way in &mut ways {
                way.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, ways)
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().cache_size = 0;
        let resolver = builder.build()?;
        Ok(Self { resolver })
    }

    /// The texts at a name, each put together from its strings (RFC 7208 section 3.3). None, where the answer is that
    /// there are none.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, Silent> {
        // A trailing dot: the search list of this machine is none of the name's.
        let answer = match self.resolver.lookup(format!("{name}."), RecordType::TXT).await {
            Ok(answer) => answer,
            Err(error) if says_none(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let texts = answer.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// The addresses of a name, `/etc/hosts` first. None, where the answer is that there are none.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Silent> {
        // A name of one word is of this machine's network, and its search list knows where; any other is whole.
        let whole = if name.contains('.') && !name.ends_with('.') {
            format!("{name}.")
        } else {
            name.to_owned()
        };
        match self.resolver.lookup_ip(whole).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) if says_none(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn says_none(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NXDomain | ResponseCode::NoError,
            ..
        }))
    )
}
