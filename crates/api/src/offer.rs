//! How a bill can be paid: the ways that the tenant's gateways offer now, with what each costs the payer. The tenant says
//! which gateways, and in which order.

use futures_util::future::join_all;
use simpul_domain::{
    GatewayId, InvoiceId, Rupiah, TenantId,
    billing::{
        Invoice,
        gateway::{Channel, ChannelGroup},
    },
    tenancy::Tenant,
};
use simpul_event_store::{EventStore, inline::directory};

use crate::{ApiError, checkout::fee, till::Till};

/// One way to pay a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) gateway: GatewayId,
    /// The gateway's channel code.
    pub(crate) channel: String,
    pub(crate) name: String,
    pub(crate) group: ChannelGroup,
    /// What the payer bears on top.
    pub(crate) payer_fee: Rupiah,
    /// What the payer will be asked for.
    pub(crate) payer_amount: Rupiah,
}

/// The ways to pay a bill, in the order of their gateways. Nothing for one that asks for no money. A gateway that does not
/// answer offers nothing now.
pub(crate) async fn ways(till: &Till, tenant: TenantId, invoice: InvoiceId) -> Result<Vec<Way>, ApiError> {
    let store = till.bus.store();
    let (bill, _) = store.load::<Invoice>(tenant, &invoice.to_string()).await?;
    if !bill.is_open() {
        return Ok(Vec::new());
    }
    let mut tx = store.db().tenant_tx(tenant).await?;
    let accounts = directory::targets(&mut tx, directory::kind::WEBHOOK).await?;
    tx.commit().await?;
    // Messengers have ways in too; their ids are of another type.
    let connected = accounts.iter().filter_map(|account| account.parse().ok());
    let (state, _) = store.load::<Tenant>(tenant, &tenant.to_string()).await?;
    let gateways = state.settings().payments.offered(connected.collect());
    let asked = join_all(
        gateways
            .into_iter()
            .map(|gateway| channels(till, tenant, gateway)),
    )
    .await;
    let mut ways = Vec::new();
    for answer in asked {
        let (gateway, channels) = answer?;
        ways.extend(
            channels
                .into_iter()
                .filter_map(|channel| way(gateway, channel, bill.outstanding())),
        );
    }
    Ok(ways)
}

/// Whether customers may pay through this gateway: one that is not offered is as good as none.
pub(crate) async fn is_offered(
    store: &EventStore,
    tenant: TenantId,
    gateway: GatewayId,
) -> Result<bool, ApiError> {
    let (state, _) = store.load::<Tenant>(tenant, &tenant.to_string()).await?;
    Ok(!state.settings().payments.offered(vec![gateway]).is_empty())
}

async fn channels(
    till: &Till,
    tenant: TenantId,
    gateway: GatewayId,
) -> Result<(GatewayId, Vec<Channel>), ApiError> {
    let Some(open) = till.gateways.open(tenant, gateway).await? else {
        return Ok((gateway, Vec::new()));
    };
    let channels = open.client.channels().await.unwrap_or_else(|error| {
        tracing::warn!(gateway.id = %gateway, %error, "a gateway does not say what it offers");
        Vec::new()
    });
    Ok((gateway, channels))
}

fn way(gateway: GatewayId, channel: Channel, amount: Rupiah) -> Option<Way> {
    let payer_fee = fee(channel.payer_fee, amount)?;
    let payer_amount = amount.add(payer_fee).ok()?;
    let too_little = channel.min_amount.is_some_and(|least| payer_amount < least);
    let too_much = channel.max_amount.is_some_and(|most| payer_amount > most);
    (channel.active && !too_little && !too_much).then_some(Way {
        gateway,
        channel: channel.code,
        name: channel.name,
        group: channel.group,
        payer_fee,
        payer_amount,
    })
}
