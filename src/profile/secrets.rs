//! Reads the secrets that a profile refers to, and completes the paths of the files that it names. The one place: [`read`],
//! [`complete_paths`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use scas_simulators::transcript::SHORTEST;
use zeroize::Zeroizing;

use super::finding::Finding;
use crate::model::secret::SecretPlace;
use crate::model::sut::{Document, Profile};

/// The longest secret that is read, in bytes: a file that is named by mistake may be of any size.
const LONGEST: u64 = 64 * 1024;

/// Looks up a variable of the environment. The command line has the real one; nobody else reads it.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// The environment of nobody: for a profile that refers to none.
pub fn no_environment(_: &str) -> Option<OsString> {
    None
}

/// Every file that a profile names with its label; one that the product's command names is the product's own affair.
fn files(profile: &mut Profile) -> Vec<(String, &mut PathBuf)> {
    let mut files: Vec<(String, &mut PathBuf)> = super::api::files(&mut profile.ixit)
        .into_iter()
        .map(|(label, file)| (label.to_owned(), file))
        .collect();
    for (label, document) in &mut profile.documents {
        if let Document::Table(table) = document
            && let Some(file) = &mut table.file
        {
            files.push((format!("documents.{label}.file"), file));
        }
    }
    files
}

/// Lets relative paths begin at the profile's folder: wherever `scas` is started, the same files are meant.
pub(super) fn complete_paths(profile: &mut Profile, folder: &Path) {
    for (_, file) in files(profile) {
        *file = folder.join(&*file);
    }
    for (_, secret) in super::api::secrets(&mut profile.ixit) {
        if let SecretPlace::File(file) = &mut secret.place {
            *file = folder.join(&*file);
        }
    }
}

/// Reads every secret; what cannot be read is a finding. No message holds a secret.
pub(super) fn read(profile: &mut Profile, environment: Environment<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (label, secret) in super::api::secrets(&mut profile.ixit) {
        match content(&secret.place, environment) {
            Ok(content) => secret.read(content),
            Err(why) => findings.push(Finding::of(label, why)),
        }
    }
    findings
}

/// What must not be written down of a profile: the content of each secret, and the PIN of the token.
pub fn secrets_of(profile: &Profile) -> Vec<Zeroizing<String>> {
    let mut profile = profile.clone();
    let mut contents: Vec<Zeroizing<String>> = super::api::secrets(&mut profile.ixit)
        .into_iter()
        .filter_map(|(_, secret)| secret.expose().ok().map(|it| Zeroizing::new(it.to_owned())))
        .collect();
    let token = profile.ixit.keys.pkcs11.as_ref();
    // One that cannot be read is told where it is used.
    contents.extend(token.and_then(|token| from_file(&token.pin_file).ok()));
    contents
}

fn content(place: &SecretPlace, environment: Environment<'_>) -> Result<Zeroizing<String>, String> {
    let content = match place {
        SecretPlace::File(path) => from_file(path)?,
        SecretPlace::Env(name) => {
            let value = environment(name).ok_or_else(|| {
                format!("the environment has no variable {name}; set it where scas is started, or give the secret as a file")
            })?;
            let value = value
                .into_string()
                .map_err(|_| format!("the variable {name} of the environment is no UTF-8"))?;
            Zeroizing::new(value)
        }
    };
    if content.is_empty() {
        return Err("the secret is empty".to_owned());
    }
    if content.len() < SHORTEST {
        return Err(format!(
            "the secret is too short to be kept out of the record: take one of {SHORTEST} characters at least"
        ));
    }
    Ok(content)
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let told = |why: String| format!("cannot read the secret from {}: {why}", path.display());
    let meta = path.metadata().map_err(|error| {
        told(format!(
            "{error}; a relative path begins at the profile's folder"
        ))
    })?;
    if !meta.is_file() || meta.len() > LONGEST {
        return Err(told(format!("is no file of at most {LONGEST} bytes")));
    }
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|error| told(error.to_string()))?);
    let text = std::str::from_utf8(&bytes).map_err(|_| told("is no UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_or_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret\n").unwrap();
        let read = content(&SecretPlace::File(path.clone()), &no_environment).unwrap();
        assert_eq!(*read, "s3cret");
        let environment = |name: &str| (name == "PASS").then(|| OsString::from("other"));
        let read = content(&SecretPlace::Env("PASS".into()), &environment).unwrap();
        assert_eq!(*read, "other");
    }

    #[test]
    fn a_secret_that_is_not_there_is_told_by_its_place() {
        let told = |place| content(&place, &no_environment).unwrap_err();
        assert!(told(SecretPlace::Env("PASS".into())).contains("no variable PASS"));
        assert!(told(SecretPlace::File("/nowhere/pass".into())).contains("/nowhere/pass"));
        assert!(told(SecretPlace::File("/dev/zero".into())).contains("is no file"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, "\n").unwrap();
        assert!(told(SecretPlace::File(path)).contains("is empty"));
    }
}
