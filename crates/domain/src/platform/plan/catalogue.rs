//! The plans that a new platform offers (SPEC section 2).

use super::PlanTerms;
use crate::{
    MoneyError, Rupiah,
    platform::PlanKey,
    tenancy::{Feature, FeatureGroup, Limit, Limits},
};

const fn limits(routers: u32, users: u32, vouchers: Limit, odps: u32, client_map_points: u32) -> Limits {
    Limits {
        routers: Limit::AtMost(routers),
        users: Limit::AtMost(users),
        vouchers,
        odps: Limit::AtMost(odps),
        client_map_points: Limit::AtMost(client_map_points),
    }
}

/// basic, pro, business and enterprise.
pub fn default_plans() -> Result<Vec<PlanTerms>, MoneyError> {
    use FeatureGroup::{Basic, Business, Pro};
    let offers: [(&str, &str, Limits, &[FeatureGroup], i64); 4] = [
        (
            "basic",
            "Basic",
            limits(2, 250, Limit::AtMost(15_000), 20, 250),
            &[Basic],
            150_000,
        ),
        (
            "pro",
            "Pro",
            limits(5, 1_000, Limit::AtMost(35_000), 50, 1_000),
            &[Basic, Pro],
            400_000,
        ),
        (
            "business",
            "Business",
            limits(10, 5_000, Limit::Unlimited, 150, 4_000),
            &[Basic, Pro, Business],
            950_000,
        ),
        (
            "enterprise",
            "Enterprise",
            Limits::UNLIMITED,
            &[Basic, Pro, Business],
            0,
        ),
    ];
    offers
        .into_iter()
        .filter_map(|(key, name, limits, groups, price)| {
            let key = PlanKey::parse(key).ok()?;
            let features = groups
                .iter()
                .flat_map(|&group| Feature::of_group(group))
                .collect();
            Some(Rupiah::try_new(price).map(|price| PlanTerms {
                custom_price: key == PlanKey::enterprise(),
                key,
                name: name.to_owned(),
                limits,
                features,
                price,
            }))
        })
        .collect()
}
