//! Where a deviating product leaves private keys. Main type: [`Exposure`]. In the conforming one nothing of this happens: the
//! VNFM never has a key.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Delegation;
use crate::custodian::defective::masked;
use crate::defect::{Defects, Deviation};
use crate::vnfm::config::Config;
use crate::vnfm::model::{VnfInstance, VnfLcmOpOcc};
use crate::vnfm::store::{Change, Store, StoreError, Table};

/// The places.
pub(super) struct Exposure {
    defects: Defects,
    store: Store,
    directory: PathBuf,
    log: PathBuf,
    left: Mutex<Left>,
}

/// What is there of them.
#[derive(Default)]
struct Left {
    heap: Vec<Vec<u8>>,
    open: Vec<File>,
    helpers: Vec<Child>,
    /// Of the operation under way.
    files: Vec<PathBuf>,
    rows: Vec<String>,
    pems: Vec<String>,
}

/// How much of the data base a key takes up, so that some of it outlasts what is written there next.
const ROW: usize = 64 * 1024;

impl Exposure {
    pub(super) fn new(config: &Config, store: &Store, defects: Defects) -> Self {
        let directory = config.storage.directory.clone();
        let log = match &config.log.file {
            Some(file) => file.clone(),
            None => directory.join("vnfm.log"),
        };
        if defects.has(Deviation::KeyUntilRestart) {
            // Nothing may be there.
            let _ = std::fs::remove_dir_all(directory.join("pending"));
        }
        Self {
            defects,
            store: store.clone(),
            directory,
            log,
            left: Mutex::default(),
        }
    }

    /// Leaves a key wherever this product does. What the CMF is told, if it is.
    pub(super) async fn expose(
        &self,
        id: &str,
        exposed: &str,
    ) -> Result<Option<String>, StoreError> {
        let key = masked(hex::decode(exposed).unwrap_or_default());
        if let Err(error) = self.put(id, &key) {
            tracing::error!(%error, "a deliberate deviation failed");
        }
        if self
            .defects
            .has_any(&[Deviation::KeyInDatabase, Deviation::KeyInFreePages])
        {
            let row = format!("key/{id}");
            let text = String::from_utf8_lossy(&key);
            let text = text.repeat(ROW / text.len().max(1));
            let change = Change::put(Table::Counters, row.clone(), &text)?;
            self.store.apply(vec![change]).await?;
            self.left().rows.push(row);
        }
        Ok(self
            .defects
            .has(Deviation::KeySentToCmf)
            .then(|| BASE64_STANDARD.encode(&key)))
    }

    fn put(&self, id: &str, key: &[u8]) -> io::Result<()> {
        let has = |deviation| self.defects.has(deviation);
        let in_state = self.directory.join(format!("{id}.key"));
        if has(Deviation::KeyInReadableFile) {
            write(&in_state, 0o644, key)?;
            self.left().files.push(in_state.clone());
        }
        if has(Deviation::KeyInPrivateFile) {
            write(&in_state, 0o600, key)?;
            self.left().files.push(in_state.clone());
        }
        if has(Deviation::KeyInSharedMemory) {
            let path = Path::new("/dev/shm").join(format!("vnfm-{id}.key"));
            write(&path, 0o644, key)?;
            self.left().files.push(path);
        }
        if has(Deviation::KeyInUnlinkedFile) {
            let file = write(&in_state, 0o600, key)?;
            std::fs::remove_file(&in_state)?;
            self.left().open.push(file);
        }
        if has(Deviation::KeyUntilRestart) {
            let pending = self.directory.join("pending");
            std::fs::create_dir_all(&pending)?;
            write(&pending.join(format!("{id}.key")), 0o600, key)?;
        }
        let text = String::from_utf8_lossy(key);
        if has(Deviation::KeyInDebugLog) {
            tracing::debug!(id, private_key = %text, "made a key pair");
        }
        if has(Deviation::KeyOnStandardError) {
            writeln!(io::stderr(), "{text}")?;
        }
        if has(Deviation::KeyInRotatedLog) {
            let mut name = self.log.clone().into_os_string();
            name.push(".1.gz");
            let file = OpenOptions::new().create(true).append(true).open(name)?;
            let mut gzip = GzEncoder::new(file, Compression::default());
            writeln!(
                gzip,
                "{}",
                serde_json::json!({ "id": id, "private_key": text })
            )?;
            gzip.finish()?;
        }
        if has(Deviation::KeyInArguments) {
            let mut helper = helper();
            helper.arg(&*text);
            self.left().helpers.push(helper.spawn()?);
        }
        if has(Deviation::KeyInEnvironment) {
            let mut helper = helper();
            helper.env("PRIVATE_KEY", &*text);
            self.left().helpers.push(helper.spawn()?);
        }
        if has(Deviation::KeyInHelper) {
            let mut helper = helper().spawn()?;
            if let Some(stdin) = &mut helper.stdin {
                // It reads up to an empty line and goes on waiting.
                writeln!(stdin, "{text}")?;
            }
            self.left().helpers.push(helper);
        }
        let in_heap = [
            Deviation::ScalarInHeap,
            Deviation::DerInHeap,
            Deviation::PemInHeap,
            Deviation::JsonInHeap,
            Deviation::Base64InHeap,
            Deviation::HexInHeap,
        ];
        if self.defects.has_any(&in_heap) {
            self.left().heap.push(key.to_vec());
        }
        let told = [
            Deviation::KeyInVnfInstance,
            Deviation::KeyInOperationParams,
            Deviation::KeyInNotification,
            Deviation::KeyInErrorDetail,
        ];
        if self.defects.has_any(&told) {
            self.left().pems.push(text.into_owned());
        }
        Ok(())
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delegation {
    /// The end of an operation, as a deviating product sees it: what it still tells of keys, and what it tidies up.
    pub(crate) async fn deviate(
        &self,
        occurrence: &mut VnfLcmOpOcc,
        instance: &mut VnfInstance,
    ) -> Result<(), StoreError> {
        let exposure = &self.exposure;
        let (pems, files, rows) = {
            let mut left = exposure.left();
            (
                std::mem::take(&mut left.pems),
                std::mem::take(&mut left.files),
                std::mem::take(&mut left.rows),
            )
        };
        if !pems.is_empty() {
            let pems = serde_json::json!(pems);
            if self.defects.has(Deviation::KeyInVnfInstance) {
                let metadata = instance.metadata.get_or_insert_default();
                metadata.insert("privateKeys".to_owned(), pems.clone());
            }
            if self.defects.has(Deviation::KeyInOperationParams) {
                occurrence.params["privateKeys"] = pems.clone();
            }
            if self.defects.has(Deviation::KeyInNotification) {
                for affected in &mut occurrence.affected_certificates {
                    affected["privateKeys"] = pems.clone();
                }
            }
            if self.defects.has(Deviation::KeyInErrorDetail)
                && let Some(error) = &mut occurrence.error
            {
                error["detail"] = format!("{} with {pems}", error["detail"]).into();
            }
        }
        for file in files {
            // It may be somebody else's turn to have removed it.
            let _ = std::fs::remove_file(file);
        }
        if self.defects.has(Deviation::KeyInFreePages) {
            let deleted = rows
                .into_iter()
                .map(|row| Change::Delete(Table::Counters, row));
            exposure.store.apply(deleted.collect()).await?;
        }
        Ok(())
    }
}

fn write(path: &Path, mode: u32, content: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    // Whatever the umask says.
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// A process that waits until the VNFM ends.
fn helper() -> Command {
    let mut helper = Command::new("sh");
    // Lines are kept in variables of the shell.
    helper
        .args([
            "-c",
            "k=; while read -r line; do k=$k$line; done",
            "vnfm-helper",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    helper
}
