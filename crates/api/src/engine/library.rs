//! Documents that have been read once: trusted ones from the start, others as long as they are used.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_graphql::{
    Name, Response, ServerError,
    parser::{
        parse_query,
        types::{ExecutableDocument, Selection, SelectionSet},
    },
};
use aws_lc_rs::digest;
use simpul_domain::Code;
use simpul_event_store::feed::{Opening, Plans};

use super::{
    asked::Asked,
    guard,
    manifest::{self, Entry, ManifestError},
    operation::{Hash, Source},
    places, tokens,
};
use crate::{ApiError, graphql::FieldTypes};

const MAX_DOCUMENT_BYTES: usize = 32 * 1024;
const MAX_TOKENS: usize = 5_000;
const MAX_NESTING: usize = 50;
/// A generation of remembered documents ends with this many, or with this much text: a parsed document takes about
/// fifty times its text.
const GENERATION_DOCUMENTS: usize = 500;
const GENERATION_BYTES: usize = 512 * 1024;

/// A document that the guard has admitted.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) executable: ExecutableDocument,
    /// Whether it asks about the schema.
    pub(crate) introspects: bool,
    /// Whether it selects one response key twice in one place, so that answers have to be merged.
    pub(crate) repeats: bool,
    /// Whether it came with a release of ours.
    pub(crate) trusted: bool,
    /// The names of all its fields.
    fields: HashSet<Name>,
    /// How its operation began to read when it last ran.
    habit: Mutex<Option<Arc<Opening>>>,
    /// Which fields it asks for, once it has run.
    asked: OnceLock<Asked>,
    /// Its variables that stand where they may not, once it was to run.
    misplaced: OnceLock<Vec<ServerError>>,
}

impl Document {
    /// Whether one of these fields is asked for, of whatever type.
    pub(crate) fn mentions(&self, fields: &[&str]) -> bool {
        fields.iter().any(|&field| self.fields.contains(field))
    }

    /// The numbers of the fields that an operation of it asks for. `types` are always those of the surface that keeps it.
    pub(super) fn asked(&self, types: &FieldTypes, operation: Option<&str>) -> &[usize] {
        let asked = self.asked.get_or_init(|| Asked::of(types, &self.executable));
        asked.by(operation)
    }

    /// Refuses it when variables stand where their types do not fit. `types` as in [`Self::asked`].
    pub(super) fn refused(&self, types: &FieldTypes) -> Option<Response> {
        let misplaced = || places::misplaced(types, &self.executable);
        let misplaced = self.misplaced.get_or_init(misplaced);
        (!misplaced.is_empty()).then(|| Response::from_errors(misplaced.clone()))
    }

    /// How its operation is likely to begin to read.
    pub(crate) fn habit(&self) -> Option<Arc<Opening>> {
        self.habit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its operation has begun to read so. Of several operations nobody knows which comes next.
    pub(crate) fn began(&self, projections: &[&str], plans: Plans) {
        if self.executable.operations.iter().count() > 1 {
            return;
        }
        let mut habit = self.habit.lock().unwrap_or_else(PoisonError::into_inner);
        if habit.as_ref().is_none_or(|known| !known.is(projections, plans)) {
            *habit = Some(Arc::new(Opening::new(projections, plans)));
        }
    }
}

/// Documents that the builds of our own clients have written down, by their hashes.
#[derive(Debug, Default)]
pub struct TrustedDocuments(HashMap<Hash, Arc<Document>>);

impl TrustedDocuments {
    /// Adds a manifest: `{"sha256:<hex>": "<document>"}`. Several may be in use at once, as long as old clients are.
    pub fn add(&mut self, manifest: &str) -> Result<(), ManifestError> {
        for Entry { id, hash, text } in manifest::entries(manifest)? {
            let document = read(&text, true).map_err(|error| ManifestError::Refused {
                id,
                reason: error.message,
            })?;
            self.0.insert(hash, Arc::new(document));
        }
        Ok(())
    }
}

/// All documents that need not be read again.
#[derive(Debug, Default)]
pub(crate) struct Library {
    trusted: TrustedDocuments,
    /// Texts that nobody of ours has written are not even read.
    trusted_only: bool,
    /// Two generations: when the young one is full it becomes the old one, and what nobody asked for meanwhile goes.
    remembered: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Hash, Arc<Document>>,
    young_bytes: usize,
    old: HashMap<Hash, Arc<Document>>,
}

impl Library {
    pub(crate) fn new(trusted: TrustedDocuments) -> Self {
        Self {
            trusted,
            ..Self::default()
        }
    }

    /// With nothing else than trusted documents.
    pub(crate) fn trusted_only(trusted: TrustedDocuments) -> Self {
        Self {
            trusted_only: true,
            ..Self::new(trusted)
        }
    }

    /// Whether clients of ours bring their documents.
    pub(crate) fn has_trusted(&self) -> bool {
        !self.trusted.0.is_empty()
    }

    /// The document, read and measured.
    pub(crate) fn find(&self, source: &Source) -> Result<Arc<Document>, ApiError> {
        match source {
            Source::Known(hash) => self.trusted.0.get(hash).cloned().ok_or_else(|| {
                let text = "No document with this id came with a release";
                ApiError::new(Code::PersistedQueryNotFound, text)
            }),
            Source::Text(text) if text.len() > MAX_DOCUMENT_BYTES => {
                Err(guard::too_large("bytes", MAX_DOCUMENT_BYTES))
            }
            Source::Text(text) => {
                let hash = hash(text);
                if let Some(known) = self.trusted.0.get(&hash).cloned().or_else(|| self.recall(&hash)) {
                    return Ok(known);
                }
                if self.trusted_only {
                    return Err(not_trusted());
                }
                let document = Arc::new(read(text, false)?);
                self.remember(hash, text.len(), &document);
                Ok(document)
            }
        }
    }

    fn recall(&self, hash: &Hash) -> Option<Arc<Document>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.young.get(hash).or_else(|| remembered.old.get(hash));
        found.cloned()
    }

    fn remember(&self, hash: Hash, bytes: usize, document: &Arc<Document>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.young_bytes += bytes;
        remembered.young.insert(hash, Arc::clone(document));
        if remembered.young.len() >= GENERATION_DOCUMENTS || remembered.young_bytes >= GENERATION_BYTES {
            remembered.old = std::mem::take(&mut remembered.young);
            remembered.young_bytes = 0;
        }
    }
}

/// The refusal of a text where only trusted documents run.
pub(crate) fn not_trusted() -> ApiError {
    let text = "Only documents that came with a release may be used; send documentId";
    ApiError::new(Code::PersistedQueryRequired, text)
}

pub(super) fn hash(text: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

pub(super) fn read(text: &str, trusted: bool) -> Result<Document, ApiError> {
    let tokens = tokens::count(text);
    if tokens.count > MAX_TOKENS {
        return Err(guard::too_large("tokens", MAX_TOKENS));
    }
    if tokens.nesting > MAX_NESTING {
        return Err(guard::too_large("nested brackets", MAX_NESTING));
    }
    let executable =
        parse_query(text).map_err(|error| ApiError::new(Code::GraphqlParseFailed, error.to_string()))?;
    let introspects = guard::admit(&executable)?;
    let repeats = guard::repeats(&executable);
    let fields = fields_of(&executable);
    Ok(Document {
        executable,
        introspects,
        repeats,
        trusted,
        fields,
        habit: Mutex::default(),
        asked: OnceLock::new(),
        misplaced: OnceLock::new(),
    })
}

/// The names of all fields, wherever they are.
fn fields_of(document: &ExecutableDocument) -> HashSet<Name> {
    fn collect(set: &SelectionSet, names: &mut HashSet<Name>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    names.insert(field.node.name.node.clone());
                    collect(&field.node.selection_set.node, names);
                }
                Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, names),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values();
    let mut names = HashSet::new();
    for set in operations.chain(fragments.map(|fragment| &fragment.node.selection_set.node)) {
        collect(set, &mut names);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{super::operation::parse_id, *};

    fn text(text: &str) -> Source {
        Source::Text(text.to_owned())
    }

    fn refused(library: &Library, document: &str) -> Option<Code> {
        library.find(&text(document)).err().map(|error| error.code)
    }

    #[test]
    fn fields_are_known_by_their_own_names_wherever_they_are() {
        let library = Library::default();
        let query = "query { a: list { ... on B { c } ...F } } fragment F on B { d { e } } query Q { g }";
        let document = library
            .find(&text(&query.replacen("query {", "query P {", 1)))
            .expect("read");
        for name in ["list", "c", "d", "e", "g"] {
            assert!(document.mentions(&["nothing", name]), "{name}");
        }
        assert!(!document.mentions(&["a", "B", "F", "Q"]));
    }

    #[test]
    fn a_document_remembers_how_its_only_operation_began() {
        let library = Library::default();
        let document = library.find(&text("{ a }")).expect("read");
        assert_eq!(document.habit(), None);
        for (projections, plans) in [(["a"], Plans::Asked), (["a"], Plans::Once), (["b"], Plans::Once)] {
            document.began(&projections, plans);
            let habit = document.habit().expect("a habit");
            assert!(habit.is(&projections, plans));
            assert!(!habit.is(&["a", "b"], plans) && !habit.is(&[], plans));
        }
        let several = library.find(&text("query P { a } query Q { b }")).expect("read");
        several.began(&["a"], Plans::Asked);
        assert_eq!(several.habit(), None);
    }

    #[test]
    fn a_document_is_read_once() {
        let library = Library::default();
        let first = library.find(&text("{a}")).expect("read");
        assert!(Arc::ptr_eq(
            &first,
            &library.find(&text("{a}")).expect("recalled")
        ));
        for index in 0..GENERATION_DOCUMENTS {
            library.find(&text(&format!("{{a{index}}}"))).expect("read");
        }
        assert!(Arc::ptr_eq(
            &first,
            &library.find(&text("{a}")).expect("recalled")
        ));
        for index in 0..2 * GENERATION_DOCUMENTS {
            library.find(&text(&format!("{{b{index}}}"))).expect("read");
        }
        let remembered = library.remembered.lock().expect("lock");
        assert!(remembered.young.len() + remembered.old.len() <= 2 * GENERATION_DOCUMENTS);
        assert!(!remembered.young.contains_key(&hash("{a}")) && !remembered.old.contains_key(&hash("{a}")));
    }

    #[test]
    fn what_would_exhaust_the_parser_never_reaches_it() {
        let library = Library::default();
        for (document, code) in [
            ("{a".repeat(10_000), Code::DocumentTooLarge),
            (format!("{{a(x:{}", "[".repeat(30_000)), Code::DocumentTooLarge),
            (format!("query($x:{}", "[".repeat(30_000)), Code::DocumentTooLarge),
            (format!("{{{}}}", "a ".repeat(6_000)), Code::DocumentTooLarge),
            (" ".repeat(MAX_DOCUMENT_BYTES + 1), Code::DocumentTooLarge),
            ("{a".repeat(MAX_NESTING), Code::GraphqlParseFailed),
            (String::new(), Code::GraphqlParseFailed),
        ] {
            assert_eq!(refused(&library, &document), Some(code), "{document:.40}");
        }
    }

    #[test]
    fn trusted_documents_are_known_by_their_own_hash_only() {
        let id = format!("sha256:{}", hex::encode(hash("{viewer{user{id}}}")));
        let mut trusted = TrustedDocuments::default();
        let manifest = |id: &str, text: &str| serde_json::json!({ id: text }).to_string();
        let other = manifest(&id, "{other}");
        assert_eq!(trusted.add(&other), Err(ManifestError::WrongHash(id.clone())));
        assert_eq!(trusted.add("[]"), Err(ManifestError::Unreadable));
        let broken = format!("sha256:{}", hex::encode(hash("{")));
        assert!(matches!(
            trusted.add(&manifest(&broken, "{")),
            Err(ManifestError::Refused { .. })
        ));
        assert_eq!(trusted.add(&manifest(&id, "{viewer{user{id}}}")), Ok(()));
        let library = Library::new(trusted);
        let known = Source::Known(parse_id(&id).expect("an id"));
        assert!(library.find(&known).expect("known").trusted);
        assert!(library.find(&text("{viewer{user{id}}}")).expect("known").trusted);
        assert!(!library.find(&text("{viewer{user{id }}}")).expect("read").trusted);
        let unknown = library.find(&Source::Known([0; 32])).map_err(|error| error.code);
        assert_eq!(unknown.err(), Some(Code::PersistedQueryNotFound));
        let strict = Library::trusted_only(library.trusted);
        assert!(strict.find(&known).expect("known").trusted);
        assert!(strict.find(&text("{viewer{user{id}}}")).expect("known").trusted);
        for foreign in ["{viewer{user{id }}}", "not a document"] {
            assert_eq!(refused(&strict, foreign), Some(Code::PersistedQueryRequired));
        }
    }
}
