//! The three APIs that are served, from one type system: whom each is for, and what it lets in.
//!
//! | surface | whom it serves | documents | questions about the schema |
//! |---|---|---|---|
//! | [`Surface::Staff`] | a tenant's staff | any; beside trusted ones only with `api.adhoc` | with `api.explore` |
//! | [`Surface::Portal`] | one customer of a tenant | trusted ones only | never |
//! | [`Surface::Platform`] | those who run the platform | any | always |
//!
//! A token is good for one surface, by its audience. What a surface does not serve is not in its schema.

use std::{fmt, time::Duration};

use simpul_domain::{
    CustomerId, TenantId,
    identity::{User, UserKind},
};

/// One of the served schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    Staff,
    Portal,
    Platform,
}

/// Which documents a surface runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Documents {
    /// Any text.
    Any,
    /// Any text, as long as no client of ours brings its documents; then others need a permission.
    TrustedUnlessPermitted,
    /// Only what came with a release.
    TrustedOnly,
}

/// Who may ask about the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introspection {
    Always,
    /// Whoever holds `api.explore`.
    Permitted,
    Never,
}

impl Surface {
    pub const ALL: [Self; 3] = [Self::Staff, Self::Portal, Self::Platform];

    /// Its name in logs, settings and budgets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Portal => "portal",
            Self::Platform => "platform",
        }
    }

    /// `aud` of the tokens that it believes.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Staff => "simpul-staff",
            Self::Portal => "simpul-portal",
            Self::Platform => "simpul-platform",
        }
    }

    /// Where it is served.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Staff => "/graphql",
            Self::Portal => "/portal/graphql",
            Self::Platform => "/platform/graphql",
        }
    }

    /// The file in which its schema is committed.
    pub const fn schema_file(self) -> &'static str {
        match self {
            Self::Staff => "schema.graphql",
            Self::Portal => "schema.portal.graphql",
            Self::Platform => "schema.platform.graphql",
        }
    }

    /// The file that has its schema as the last release had it.
    pub const fn released_file(self) -> &'static str {
        match self {
            Self::Staff => "docs/schema/released/schema.graphql",
            Self::Portal => "docs/schema/released/schema.portal.graphql",
            Self::Platform => "docs/schema/released/schema.platform.graphql",
        }
    }

    /// Whether viewers of this tenant are served: the platform is a tenant of its own.
    pub fn serves(self, tenant: TenantId) -> bool {
        (self == Self::Platform) == (tenant == TenantId::PLATFORM)
    }

    /// Whether this is the door of a user: staff and customers have one each. A customer at the staff's could send any
    /// document, and read what every member of staff may.
    pub(crate) fn is_for(self, user: &User) -> bool {
        match user.kind() {
            Some(UserKind::Staff) => self.is_of(None),
            Some(UserKind::Portal { customer }) => self.is_of(Some(customer)),
            None => false,
        }
    }

    /// The same for somebody who uses the portal as this customer, or is staff.
    pub(crate) const fn is_of(self, customer: Option<CustomerId>) -> bool {
        matches!(self, Self::Portal) == customer.is_some()
    }

    /// Whole operations that take longer are given up (T8).
    pub(crate) const fn deadline(self) -> Duration {
        match self {
            Self::Staff | Self::Platform => Duration::from_secs(10),
            Self::Portal => Duration::from_secs(5),
        }
    }

    pub(crate) const fn documents(self) -> Documents {
        match self {
            Self::Staff => Documents::TrustedUnlessPermitted,
            Self::Portal => Documents::TrustedOnly,
            Self::Platform => Documents::Any,
        }
    }

    pub(crate) const fn introspection(self) -> Introspection {
        match self {
            Self::Staff => Introspection::Permitted,
            Self::Portal => Introspection::Never,
            Self::Platform => Introspection::Always,
        }
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that every surface has of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BySurface<T> {
    pub staff: T,
    pub portal: T,
    pub platform: T,
}

impl<T> BySurface<T> {
    pub const fn of(&self, surface: Surface) -> &T {
        match surface {
            Surface::Staff => &self.staff,
            Surface::Portal => &self.portal,
            Surface::Platform => &self.platform,
        }
    }

    pub fn of_mut(&mut self, surface: Surface) -> &mut T {
        match surface {
            Surface::Staff => &mut self.staff,
            Surface::Portal => &mut self.portal,
            Surface::Platform => &mut self.platform,
        }
    }
}
