//! How vouchers are made unless a batch says otherwise (SPEC section 9). Read by voucher batches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};
use crate::{text_type, within::Within};

/// Characters that codes are made of. Those that look alike are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    #[default]
    Lower,
    Upper,
    Mixed,
    Numeric,
}

text_type! {
    /// What every code begins with.
    VoucherPrefix, VoucherPrefixError: "a prefix is at most 8 letters, digits and dashes",
    pattern "^[A-Za-z0-9-]{0,8}$",
    |text| text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// How vouchers are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vouchers {
    /// Characters of a code after its prefix.
    pub length: Within<4, 16>,
    pub charset: Charset,
    pub prefix: VoucherPrefix,
    /// The code is the password too.
    pub same_password: bool,
}

impl Default for Vouchers {
    fn default() -> Self {
        Self {
            length: Within::of::<8>(),
            charset: Charset::default(),
            prefix: VoucherPrefix(String::new()),
            same_password: true,
        }
    }
}

impl Vouchers {
    pub(super) const fn check(&self) -> Result<(), InvalidSetting> {
        // Ten digits to the fourth are tried through in an evening.
        keep(
            !matches!(self.charset, Charset::Numeric) || self.length.get() >= 6,
            "length",
            "guessable",
        )
    }
}
