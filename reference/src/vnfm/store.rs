//! Durable state: one database, written by one thread that puts everything that waits into one transaction (group commit).
//! Main type: [`Store`].
//!
//! What [`Store::apply`] has confirmed is on disk and survives SIGKILL.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

/// The tables. Keys are text, values JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// VNF instances, see [`super::model::VnfInstance::key`].
    Instances,
    /// VNF LCM operation occurrences by id.
    OpOccs,
    /// Subscriptions by id.
    Subscriptions,
    /// Counters of products that number their instances.
    Counters,
    /// Who this VNFM is to a PKCS#11 token.
    Custody,
}

impl Table {
    const ALL: [Self; 5] = [
        Self::Instances,
        Self::OpOccs,
        Self::Subscriptions,
        Self::Counters,
        Self::Custody,
    ];

    fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(match self {
            Self::Instances => "vnf_instances",
            Self::OpOccs => "vnf_lcm_op_occs",
            Self::Subscriptions => "subscriptions",
            Self::Counters => "counters",
            Self::Custody => "custody",
        })
    }
}

/// One change; several are applied together or not at all.
#[derive(Debug)]
pub(crate) enum Change {
    /// Insert or replace.
    Put(Table, String, Vec<u8>),
    /// Remove, if there.
    Delete(Table, String),
}

impl Change {
    /// Inserts or replaces a value.
    pub(crate) fn put(
        table: Table,
        key: impl Into<String>,
        value: &impl Serialize,
    ) -> Result<Self, StoreError> {
        Ok(Self::Put(table, key.into(), serde_json::to_vec(value)?))
    }
}

/// The disk or the database failed. The message is for the log: a client learns that the server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database failed: {0}")]
    Database(String),
    #[error("a stored value cannot be read or written")]
    Value(#[from] serde_json::Error),
    #[error("the writer has stopped")]
    Stopped,
}

macro_rules! database_errors {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(error.to_string())
            }
        })*
    };
}

database_errors!(
    redb::CommitError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);

struct Batch {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), String>>,
}

/// The state of a VNFM.
#[derive(Clone)]
pub(crate) struct Store {
    database: Arc<Database>,
    writer: mpsc::Sender<Batch>,
}

impl Store {
    /// Opens the state in this folder, and makes it if it is not there.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let database = Arc::new(Database::create(directory.join("vnfm.redb"))?);
        let transaction = database.begin_write()?;
        for table in Table::ALL {
            transaction.open_table(table.definition())?;
        }
        transaction.commit()?;
        let (writer, waiting) = mpsc::channel(4096);
        let owned = Arc::clone(&database);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(&owned, waiting))?;
        Ok(Self { database, writer })
    }

    /// Applies the changes and returns once they are durable.
    pub(crate) async fn apply(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (done, confirmed) = oneshot::channel();
        self.writer
            .send(Batch { changes, done })
            .await
            .map_err(|_| StoreError::Stopped)?;
        confirmed
            .await
            .map_err(|_| StoreError::Stopped)?
            .map_err(StoreError::Database)
    }

    /// The value of a key.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        table: Table,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let table = self.database.begin_read()?.open_table(table.definition())?;
        let Some(value) = table.get(key)? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(value.value())?))
    }

    /// The first value whose key begins with `prefix`.
    pub(crate) fn find<T: DeserializeOwned>(
        &self,
        table: Table,
        prefix: &str,
    ) -> Result<Option<T>, StoreError> {
        let table = self.database.begin_read()?.open_table(table.definition())?;
        match table.range(prefix..)?.next().transpose()? {
            Some((key, value)) if key.value().starts_with(prefix) => {
                Ok(Some(serde_json::from_slice(value.value())?))
            }
            _ => Ok(None),
        }
    }

    /// The values whose keys come after `after`, in the order of their keys, as long as `take` wants more of them.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        table: Table,
        after: &str,
        mut take: impl FnMut(&str, T) -> bool,
    ) -> Result<(), StoreError> {
        let table = self.database.begin_read()?.open_table(table.definition())?;
        for row in table.range(after..)? {
            let (key, value) = row?;
            if key.value() != after && !take(key.value(), serde_json::from_slice(value.value())?) {
                break;
            }
        }
        Ok(())
    }

    /// Every value of a table.
    pub(crate) fn all<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<T>, StoreError> {
        let mut values = Vec::new();
        self.scan(table, "", |_, value| {
            values.push(value);
            true
        })?;
        Ok(values)
    }
}

/// Takes what waits, commits it as one, tells each that it is done. Ends when the last [`Store`] is gone.
fn write(database: &Database, mut waiting: mpsc::Receiver<Batch>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batches = vec![first];
        while batches.len() < 1024 {
            match waiting.try_recv() {
                Ok(batch) => batches.push(batch),
                Err(_) => break,
            }
        }
        let outcome = commit(database, &batches).map_err(|error| error.to_string());
        if let Err(error) = &outcome {
            tracing::error!(%error, "cannot write the state");
        }
        for batch in batches {
            // Whoever asked may have gone away in the meantime.
            let _ = batch.done.send(outcome.clone());
        }
    }
}

fn commit(database: &Database, batches: &[Batch]) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        let mut open = None;
        for change in batches.iter().flat_map(|batch| &batch.changes) {
            let (Change::Put(changed, ..) | Change::Delete(changed, _)) = change;
            if *changed != table {
                continue;
            }
            let rows = match &mut open {
                Some(rows) => rows,
                None => open.insert(transaction.open_table(table.definition())?),
            };
            match change {
                Change::Put(_, key, value) => drop(rows.insert(key.as_str(), value.as_slice())?),
                Change::Delete(_, key) => drop(rows.remove(key.as_str())?),
            }
        }
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_applied_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let puts =
            ["a/1", "a/2", "b/1"].map(|key| Change::put(Table::Instances, key, &key).unwrap());
        store.apply(puts.into()).await.unwrap();
        store
            .apply(vec![Change::Delete(Table::Instances, "a/1".to_owned())])
            .await
            .unwrap();
        assert_eq!(
            store
                .find::<String>(Table::Instances, "a/")
                .unwrap()
                .as_deref(),
            Some("a/2")
        );
        assert_eq!(store.find::<String>(Table::Instances, "c/").unwrap(), None);
        assert_eq!(
            store.all::<String>(Table::Instances).unwrap(),
            ["a/2", "b/1"]
        );
    }
}
