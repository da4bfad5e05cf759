//! What a unit of work holds and counts within its tenant: unique keys, limits and members of sets.

use serde_json::json;

use super::Work;
use crate::{StoreError, inline};

impl Work<'_> {
    /// Takes a key that is unique within the tenant, freed with [`Work::release`].
    pub fn claim(&mut self, scope: &str, key: &str, owner: &str) {
        self.claims.take.push(json!([scope, key, owner]));
    }

    pub fn release(&mut self, scope: &str, key: &str) {
        self.claims.release.push(json!([scope, key]));
    }

    /// Moves a counted limit; passing its maximum refuses the whole work.
    pub fn quota(&mut self, resource: &str, delta: i64) {
        self.claims.quota.push(json!([resource, delta.to_string()]));
    }

    /// Adds a member to a set that later decisions read with [`Work::members`], ordered by `sort`.
    pub fn add_member(&mut self, scope: &str, key: &str, member: &str, sort: &str) {
        self.claims.add.push(json!([scope, key, member, sort]));
    }

    pub fn drop_member(&mut self, scope: &str, key: &str, member: &str) {
        self.claims.drop.push(json!([scope, key, member]));
    }

    /// Reads sets that this work is about to ask for, in one call instead of one for each.
    pub async fn members_ahead(&mut self, scope: &str, keys: &[String]) -> Result<(), StoreError> {
        for key in keys {
            self.sets.entry((scope.to_owned(), key.clone())).or_default();
        }
        for (key, member) in self.members_of(scope, keys).await? {
            self.sets.entry((scope.to_owned(), key)).or_default().push(member);
        }
        Ok(())
    }

    /// The members of a set, ordered by their sort text, then by themselves.
    pub async fn members(&mut self, scope: &str, key: &str) -> Result<Vec<String>, StoreError> {
        if let Some(members) = self.sets.get(&(scope.to_owned(), key.to_owned())) {
            return Ok(members.clone());
        }
        self.read(async |tx| inline::member::list(tx, scope, key).await)
            .await
    }

    /// The members of sets of one scope, each with its key.
    pub async fn members_of(
        &mut self,
        scope: &str,
        keys: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.read(async |tx| inline::member::list_of(tx, scope, keys).await)
            .await
    }

    /// The members of a set whose sort text is at most `until`.
    pub async fn members_until(
        &mut self,
        scope: &str,
        key: &str,
        until: &str,
    ) -> Result<Vec<String>, StoreError> {
        self.read(async |tx| inline::member::list_until(tx, scope, key, until).await)
            .await
    }

    /// How many members the sets of a scope have together.
    pub async fn count_members(&mut self, scope: &str) -> Result<i64, StoreError> {
        self.read(async |tx| inline::member::count(tx, scope).await).await
    }

    /// Who holds a claim.
    pub async fn claimed_by(&mut self, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
        self.read(async |tx| inline::claim::owner(tx, scope, key).await)
            .await
    }
}
