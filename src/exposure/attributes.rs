//! Extended attributes of a file, which no reading of its content shows: [`attributes`].

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{c_void, lgetxattr, llistxattr};
use zeroize::Zeroizing;

/// The most that Linux keeps of names, and of one value.
const MOST: usize = 64 * 1024;

/// Names and values of the extended attributes of a file, folder or symbolic link; none where the file system has none.
///
/// # Errors
/// They cannot be read.
pub fn attributes(path: &Path) -> io::Result<Vec<(String, Zeroizing<Vec<u8>>)>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut names = vec![0_u8; MOST];
    // SAFETY: the path ends in a zero, and no more is written than there is room for.
    let length = unsafe { llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let length = match Errno::result(length) {
        Err(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
        length => usize::try_from(length?).unwrap_or(0),
    };
    names.truncate(length);
    let mut found = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        let mut value = Zeroizing::new(vec![0_u8; MOST]);
        let into = value.as_mut_ptr().cast::<c_void>();
        // SAFETY: as above.
        let length = unsafe { lgetxattr(path.as_ptr(), name.as_ptr(), into, value.len()) };
        value.truncate(usize::try_from(Errno::result(length)?).unwrap_or(0));
        found.push((name.to_string_lossy().into_owned(), value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_attributes_has_none_and_one_that_is_not_there_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(attributes(file.path()).unwrap().is_empty());
        let gone = attributes(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    fn an_attribute_is_read_with_its_value() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = CString::new(file.path().as_os_str().as_bytes()).unwrap();
        // SAFETY: both names end in a zero, and the value has as many bytes as are told.
        let set = unsafe {
            nix::libc::setxattr(
                path.as_ptr(),
                c"user.note".as_ptr(),
                b"kept".as_ptr().cast(),
                4,
                0,
            )
        };
        if Errno::result(set) == Err(Errno::EOPNOTSUPP) {
            eprintln!("NOT RUN: no user attributes here");
            return;
        }
        let found = attributes(file.path()).unwrap();
        assert_eq!(found[0].0, "user.note");
        assert_eq!(*found[0].1, b"kept");
    }
}
