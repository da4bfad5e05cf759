//! Names of what may be done, such as `billing.write`.

use std::collections::BTreeSet;

use crate::text_type;

text_type! {
    /// One permission. Which there are is known to the use cases that ask for them.
    PermissionName, PermissionNameError: "a permission is words in small letters with dots between them",
    pattern "^[a-z][a-z_]*(\\.[a-z][a-z_]*)*$",
    |text| {
        text.len() <= 64 && text.split('.').all(|word| {
            word.starts_with(|letter: char| letter.is_ascii_lowercase())
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        })
    }
}

/// A set of permissions.
pub type Permissions = BTreeSet<PermissionName>;
