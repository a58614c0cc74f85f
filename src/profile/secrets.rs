//! Reads the secrets that a profile refers to, and completes the paths of the files that it names.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::model::secret::SecretPlace;
use crate::model::sut::Profile;

/// Looks up a variable of the environment. The command line has the real one; nobody else reads it.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// Lets relative paths begin at the profile's folder: wherever `scas` is started, the same files are meant.
pub(super) fn complete_paths(profile: &mut Profile, folder: &Path) {
    for (_, file) in super::api::files(&mut profile.ixit) {
        *file = folder.join(&*file);
    }
    for (_, secret) in super::api::secrets(&mut profile.ixit) {
        if let SecretPlace::File(file) = &mut secret.place {
            *file = folder.join(&*file);
        }
    }
}

/// Reads every secret. No message holds one.
pub(super) fn read(profile: &mut Profile, environment: Environment<'_>) -> anyhow::Result<()> {
    for (label, secret) in super::api::secrets(&mut profile.ixit) {
        let text = match &secret.place {
            SecretPlace::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("{label}: cannot read the secret from {}", path.display()))?,
            SecretPlace::Env(name) => environment(name)
                .and_then(|value| value.into_string().ok())
                .with_context(|| {
                    format!("{label}: the environment has no variable {name}; set it, or give the secret as a file")
                })?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        anyhow::ensure!(!text.is_empty(), "{label}: the secret is empty");
        secret.read(Zeroizing::new(text.to_owned()));
    }
    Ok(())
}
