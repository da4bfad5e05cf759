//! A letter as HTML: a page without scripts, and without anything from elsewhere but the logo that the operator chose.

use minijinja::HtmlEscape;
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::tenancy::Language;

use super::{Block, Written};

const BODY: &str =
    "font-family:sans-serif;line-height:1.5;max-width:36em;margin:2em auto;padding:0 1em;color:#222";
const SECRET: &str =
    "font-family:monospace;word-break:break-all;background:#f2f2f2;padding:.75em;border-radius:4px";

pub(super) fn page(letter: &Written) -> SecretString {
    let language = match letter.language {
        Language::Id => "id",
        Language::En => "en",
    };
    let blocks: String = letter.blocks.iter().map(block).collect();
    let logo = letter.logo.as_ref().map_or_else(String::new, |logo| {
        let (logo, name) = (HtmlEscape(logo.as_str()), HtmlEscape(&letter.operator));
        format!("<p><img src=\"{logo}\" alt=\"{name}\" height=\"48\"></p>\n")
    });
    // INVARIANT: a colour is # and six digits.
    let colour = letter.colour.as_ref().map_or_else(String::new, |colour| {
        format!(";border-top:4px solid {};padding-top:1em", colour.as_str())
    });
    SecretString::from(format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"{BODY}{colour}\">\n{logo}{blocks}</body></html>\n",
        HtmlEscape(&letter.subject)
    ))
}

fn block(block: &Block) -> String {
    match block {
        Block::Words(words) => format!("<p>{}</p>\n", HtmlEscape(words)),
        Block::Secret(secret) => format!(
            "<p style=\"{SECRET}\">{}</p>\n",
            HtmlEscape(secret.expose_secret())
        ),
        Block::Link(link) => {
            let link = HtmlEscape(link.expose_secret());
            format!("<p><a href=\"{link}\">{link}</a></p>\n")
        }
    }
}
