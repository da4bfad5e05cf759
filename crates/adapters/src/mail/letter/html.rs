//! A letter as HTML: a page without images, scripts or anything from elsewhere.

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
    SecretString::from(format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"{BODY}\">\n{blocks}</body></html>\n",
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
