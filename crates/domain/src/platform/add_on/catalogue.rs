//! The add-ons that a new platform offers (F23–F29).

use super::{AddOnTerms, Approval, Cycle, Grants};
use crate::{
    MoneyError, Rupiah,
    platform::AddOnKey,
    tenancy::{Feature, Resource},
};

fn more(resource: Resource, pieces: u32) -> Grants {
    Grants {
        limits: [(resource, pieces)].into(),
        ..Grants::default()
    }
}

fn features<const N: usize>(features: [Feature; N]) -> Grants {
    Grants {
        features: features.into(),
        ..Grants::default()
    }
}

/// The seven of the price list. What raises a limit is active at once; what somebody must set up is approved first.
pub fn default_add_ons() -> Result<Vec<AddOnTerms>, MoneyError> {
    use Approval::{Automatic, Required};
    let offers = [
        (
            "extra_router",
            "Extra router",
            more(Resource::Routers, 1),
            50_000,
            Automatic,
        ),
        (
            "extra_user_pack",
            "100 more users",
            more(Resource::Users, 100),
            50_000,
            Automatic,
        ),
        (
            "extra_odp_maps",
            "10 more ODPs on the map",
            more(Resource::Odps, 10),
            25_000,
            Automatic,
        ),
        (
            "extra_client_maps",
            "100 more customers on the map",
            more(Resource::ClientMapPoints, 100),
            25_000,
            Automatic,
        ),
        (
            "payment_gateway_premium",
            "Premium payment gateways",
            features([Feature::PaymentGatewayPremium]),
            100_000,
            Required,
        ),
        (
            "white_label",
            "White label",
            // Whoever shows a face of their own has an address of their own.
            features([Feature::WhiteLabel, Feature::CustomDomain]),
            250_000,
            Required,
        ),
        (
            "ai_agent_admin",
            "AI agent for administrators",
            features([Feature::AiAgentAdmin]),
            200_000,
            Required,
        ),
    ];
    offers
        .into_iter()
        .filter_map(|(key, name, grants, price, approval)| {
            let key = AddOnKey::parse(key).ok()?;
            Some(Rupiah::try_new(price).map(|price| AddOnTerms {
                key,
                name: name.to_owned(),
                grants,
                price,
                cycle: Cycle::Monthly,
                approval,
            }))
        })
        .collect()
}
