//! Files of the product's own in every VNF package: [`Artifacts`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::content::{self, File};

/// The most that they may hold together, in bytes: each package is made and sent anew.
const MOST: u64 = 16 * 1024 * 1024;

/// Why they cannot be put into a package.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It cannot be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is none.
    #[error("'{}' holds no file; leave the label out, or put the files there", .0.display())]
    Empty(PathBuf),
    /// A package could not name it, or not hold it.
    #[error("'{}' {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// Too many bytes.
    #[error("'{}' holds more than 16 MiB; every package is made anew with all of it", .0.display())]
    Large(PathBuf),
}

/// Files by their paths in the package.
#[derive(Clone, Debug, Default)]
pub struct Artifacts(Vec<(String, Arc<[u8]>)>);

impl Artifacts {
    /// All files below a folder, by their paths from there.
    ///
    /// # Errors
    /// It cannot be read, or what lies there cannot be in a package.
    pub fn read(folder: &Path) -> Result<Self, ArtifactError> {
        let (mut files, mut size) = (Vec::new(), 0);
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.map_err(|error| ArtifactError::Read {
                path: error.path().unwrap_or(folder).to_owned(),
                source: error.into(),
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            let unfit = |why| ArtifactError::Unfit {
                path: entry.path().to_owned(),
                why,
            };
            if !entry.file_type().is_file() {
                return Err(unfit(
                    "is neither a file nor a folder; put the file itself there",
                ));
            }
            let read = |source| ArtifactError::Read {
                path: entry.path().to_owned(),
                source,
            };
            size += entry.metadata().map_err(|error| read(error.into()))?.len();
            if size > MOST {
                return Err(ArtifactError::Large(folder.to_owned()));
            }
            let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let name = inside.to_str().filter(|name| !name.contains('\n'));
            let name = name.ok_or_else(|| unfit("has a name that no manifest can bear"))?;
            if content::is_own(name) {
                return Err(unfit(
                    "has the name of a file that the package has anyway; call it otherwise",
                ));
            }
            let bytes = std::fs::read(entry.path()).map_err(read)?;
            files.push((name.to_owned(), bytes.into()));
        }
        if files.is_empty() {
            return Err(ArtifactError::Empty(folder.to_owned()));
        }
        Ok(Self(files))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = File> {
        self.0
            .iter()
            .map(|(path, bytes)| File::of_package(path, Arc::clone(bytes).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str, bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, bytes).expect("written");
        folder
    }

    fn refused(folder: &tempfile::TempDir) -> String {
        let error = Artifacts::read(folder.path()).expect_err("refused");
        error.to_string()
    }

    #[test]
    fn files_keep_their_paths() {
        let folder = folder("BaseHOT/simple/vnf.yaml", b"a template");
        let read = Artifacts::read(folder.path()).expect("read");
        let names: Vec<_> = read.files().map(|file| file.path).collect();
        assert_eq!(names, ["BaseHOT/simple/vnf.yaml"]);
    }

    #[test]
    fn what_cannot_be_in_a_package_is_named() {
        assert!(refused(&folder("Definitions/vnfd.yaml", b"x")).contains("Definitions/vnfd.yaml"));
        assert!(refused(&folder("vnfd.mf", b"x")).contains("vnfd.mf"));
        assert!(refused(&folder("TOSCA-Metadata/x", b"x")).contains("TOSCA-Metadata/x"));
        assert!(refused(&tempfile::tempdir().expect("folder")).contains("no file"));
        assert!(refused(&folder("large", &vec![0; 17 << 20])).contains("16 MiB"));
        let link = folder("a", b"x");
        std::os::unix::fs::symlink("a", link.path().join("b")).expect("a link");
        assert!(refused(&link).contains("neither a file"));
        let error = Artifacts::read(Path::new("/no/such/folder")).expect_err("refused");
        assert!(error.to_string().contains("/no/such/folder"));
    }
}
