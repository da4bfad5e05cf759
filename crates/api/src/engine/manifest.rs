//! Manifests of the documents of clients: read when a server starts, and checked when a client is built
//! (`facts/graphql.md` 5.3).

use std::collections::BTreeMap;

use async_graphql::{Executor as _, Request};
use serde_json::Map;

use super::{
    cost,
    library::{hash, read},
    operation::{Hash, parse_id},
    places,
};
use crate::{
    Surface,
    budget::Limits,
    graphql::{FieldTypes, Served, sdl},
};

/// Why a manifest of trusted documents cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not a JSON object of texts")]
    Unreadable,
    #[error("{0} is not the hash of its document")]
    WrongHash(String),
    #[error("the document {id} is refused: {reason}")]
    Refused { id: String, reason: String },
}

/// A document of a manifest.
pub(super) struct Entry {
    /// `sha256:<hex>`.
    pub(super) id: String,
    pub(super) hash: Hash,
    pub(super) text: String,
}

/// The documents of a manifest, in the order of their ids.
pub(super) fn entries(manifest: &str) -> Result<Vec<Entry>, ManifestError> {
    let documents: BTreeMap<String, String> =
        serde_json::from_str(manifest).map_err(|_| ManifestError::Unreadable)?;
    let entry = |(id, text): (String, String)| {
        let hash = hash(&text);
        if parse_id(&id) == Some(hash) {
            Ok(Entry { id, hash, text })
        } else {
            Err(ManifestError::WrongHash(id))
        }
    };
    documents.into_iter().map(entry).collect()
}

/// An operation of a client, beside the schema that it is to be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Of its document: `sha256:<hex>`.
    pub id: String,
    /// `None` for one without a name, and for a document that cannot be read.
    pub operation: Option<String>,
    /// Points, with the defaults of its variables.
    pub cost: u64,
    /// Why it would be refused; empty when it would run.
    pub faults: Vec<String>,
}

/// Checks each operation of a manifest against the schema of a surface and the price that it may have. Nothing runs.
pub async fn check(surface: Surface, manifest: &str, limits: &Limits) -> Result<Vec<Checked>, ManifestError> {
    let (schema, types) = (Served::checking(surface), FieldTypes::of(&sdl(surface)));
    let most = u64::from(limits.points.of(surface).operation);
    let mut checked = Vec::new();
    for Entry { id, text, .. } in entries(manifest)? {
        let document = match read(&text, true) {
            Ok(document) => document.executable,
            Err(error) => {
                checked.push(Checked {
                    id,
                    operation: None,
                    cost: 0,
                    faults: vec![error.message],
                });
                continue;
            }
        };
        let misplaced = places::misplaced(&types, &document);
        for (name, operation) in document.operations.iter() {
            let mut request = Request::new(text.clone());
            if let Some(name) = name {
                request = request.operation_name(name.as_str());
            }
            let refused = schema.execute(request).await.errors;
            let mut faults: Vec<String> = refused.into_iter().map(|error| error.message).collect();
            faults.extend(misplaced.iter().map(|error| error.message.clone()));
            let cost = cost::cost(&types, &document, &operation.node, &Map::new());
            if cost > most {
                faults.push(format!("It costs {cost} points of at most {most}"));
            }
            checked.push(Checked {
                id: id.clone(),
                operation: name.map(ToString::to_string),
                cost,
                faults,
            });
        }
    }
    Ok(checked)
}
