//! How the operator looks. The seller's name is read when a bill is issued, a message or a letter sent, and by the portal; the
//! rest by messages, letters and the portal. Choosing a face of one's own needs the feature `white_label`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};
use crate::text_type;

text_type! {
    /// `#0a7cff`.
    Colour, ColourError: "a colour is # and six hexadecimal digits",
    pattern "^#[0-9a-f]{6}$",
    |text| text.len() == 7
        && text.starts_with('#')
        && text.bytes().skip(1).all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

text_type! {
    /// An address that browsers open, nothing that a server fetches.
    HttpsUrl, HttpsUrlError: "an address begins with https:// and has at most 500 characters without blanks, quotes and brackets",
    pattern "^https://[!-~]{1,492}$",
    |text| text.len() <= 500
        && text.strip_prefix("https://").is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_alphanumeric())
                && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`{}|^".contains(&byte))
        })
}

/// How the operator looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Branding {
    /// As printed on bills; `None`: the tenant's name.
    pub seller_name: Option<String>,
    pub logo: Option<HttpsUrl>,
    pub colour: Option<Colour>,
    /// Below messages and letters.
    pub footer: Option<String>,
}

impl Branding {
    /// Whether it shows a logo, a colour or a footer of the operator's own that was not there before.
    pub fn new_face(&self, before: &Self) -> bool {
        (self.logo.is_some() && self.logo != before.logo)
            || (self.colour.is_some() && self.colour != before.colour)
            || (self.footer.is_some() && self.footer != before.footer)
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        let text = |text: &Option<String>, most: usize| {
            text.as_ref()
                .is_none_or(|text| !text.trim().is_empty() && text.chars().count() <= most)
        };
        keep(text(&self.seller_name, 100), "sellerName", "length")?;
        keep(text(&self.footer, 500), "footer", "length")
    }
}
