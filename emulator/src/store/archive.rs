//! The file that stores an emulator's messages and suppressed addresses, in SQLite.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::acs::body;
use crate::acs::operation::{Delivery, Failure, Operation};
use crate::acs::suppression::Suppression;
use crate::acs::validate::validate;
use crate::acs::version::ApiVersion;
use crate::clock::later;
use crate::store::message::{Message, RawRequest, SearchText};

/// The file's name in its directory.
const FILE: &str = "emulator.sqlite3";

/// The version of the layout below; a file with another version is refused.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE message (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL, body BLOB NOT NULL);
    CREATE TABLE suppression (address TEXT PRIMARY KEY, until INTEGER NOT NULL, strikes INTEGER NOT NULL);
    PRAGMA user_version = 1;
";

/// Why the file cannot be read or written.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The directory cannot be created.
    #[error("cannot create the directory {0}: {1}")]
    Directory(PathBuf, std::io::Error),
    /// SQLite reported an error.
    #[error("cannot use {0}: {1}; another emulator may be using it")]
    Database(PathBuf, rusqlite::Error),
    /// Another version wrote the file.
    #[error("{0} has layout {1}, but this emulator supports only layout {LAYOUT}; move the file away")]
    Layout(PathBuf, i64),
}

/// An open file. A message is written before its sender learns that it was accepted.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    connection: Connection,
}

/// A message without the request's body, which has its own column, and without the mail, which is parsed from the body.
#[derive(Serialize, Deserialize)]
struct Record {
    received_at: i64,
    api_version: String,
    internet_message_id: String,
    ends_at: i64,
    failure: Option<Failure>,
    deliveries: Vec<Delivery>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Archive {
    /// Opens the file in a directory, and creates both if they are missing. Only one emulator at a time can open it.
    pub(crate) fn open(directory: &Path) -> Result<Archive, ArchiveError> {
        fs::create_dir_all(directory).map_err(|error| ArchiveError::Directory(directory.to_owned(), error))?;
        let path = directory.join(FILE);
        let failed = |error| ArchiveError::Database(path.clone(), error);
        let connection = Connection::open(&path).map_err(failed)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        match connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)? {
            0 => connection.execute_batch(TABLES).map_err(failed)?,
            LAYOUT => {}
            other => return Err(ArchiveError::Layout(path, other)),
        }
        Ok(Archive { path, connection })
    }

    /// The stored messages, oldest first. Leaves out any that can no longer be read.
    pub(crate) fn messages(&self) -> Result<Vec<Message>, ArchiveError> {
        let mut statement =
            self.run(self.connection.prepare("SELECT id, record, body FROM message ORDER BY position"))?;
        let rows = self.run(statement.query_map([], |row| Ok(message(row))))?;
        let rows: Vec<_> = self.run(rows.collect())?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The addresses on the suppression list.
    pub(crate) fn suppressions(&self) -> Result<Vec<Suppression>, ArchiveError> {
        let mut statement = self.run(self.connection.prepare("SELECT address, until, strikes FROM suppression"))?;
        let rows = self.run(statement.query_map([], |row| {
            Ok(Suppression { address: row.get(0)?, until: moment(row.get(1)?), strikes: row.get(2)? })
        }))?;
        self.run(rows.collect())
    }

    /// Adds a message, with what its acceptance changed elsewhere: all of it or nothing.
    pub(crate) fn add(
        &mut self,
        message: &Message,
        dropped: &[Uuid],
        suppressions: &[Suppression],
    ) -> Result<(), ArchiveError> {
        let written = self.connection.transaction().and_then(|transaction| {
            insert(&transaction, message)?;
            for id in dropped {
                transaction.execute("DELETE FROM message WHERE id = ?1", [id.to_string()])?;
            }
            upsert(&transaction, suppressions)?;
            transaction.commit()
        });
        self.run(written)
    }

    /// Adds or extends suppressions.
    pub(crate) fn suppress(&mut self, suppressions: &[Suppression]) -> Result<(), ArchiveError> {
        let written = self.connection.transaction().and_then(|transaction| {
            upsert(&transaction, suppressions)?;
            transaction.commit()
        });
        self.run(written)
    }

    /// Deletes all messages.
    pub(crate) fn clear_messages(&self) -> Result<(), ArchiveError> {
        self.run(self.connection.execute("DELETE FROM message", []).map(|_| ()))
    }

    /// Deletes all suppressions.
    pub(crate) fn clear_suppressions(&self) -> Result<(), ArchiveError> {
        self.run(self.connection.execute("DELETE FROM suppression", []).map(|_| ()))
    }

    fn run<T>(&self, result: rusqlite::Result<T>) -> Result<T, ArchiveError> {
        result.map_err(|error| ArchiveError::Database(self.path.clone(), error))
    }
}

fn insert(transaction: &Transaction<'_>, message: &Message) -> rusqlite::Result<()> {
    let request = &message.request;
    let record = Record {
        received_at: milliseconds(message.received_at),
        api_version: message.api_version.as_str().to_owned(),
        internet_message_id: message.internet_message_id.clone(),
        ends_at: milliseconds(message.operation.ends_at),
        failure: message.operation.failure.clone(),
        deliveries: message.deliveries.clone(),
        method: request.method.clone(),
        target: request.target.clone(),
        headers: request.headers.clone(),
    };
    let record =
        serde_json::to_string(&record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let id = message.id.to_string();
    transaction.execute(
        "INSERT INTO message (id, record, body) VALUES (?1, ?2, ?3)",
        params![id, record, &request.body[..]],
    )?;
    Ok(())
}

fn upsert(transaction: &Transaction<'_>, suppressions: &[Suppression]) -> rusqlite::Result<()> {
    for Suppression { address, until, strikes } in suppressions {
        transaction.execute(
            "INSERT OR REPLACE INTO suppression (address, until, strikes) VALUES (?1, ?2, ?3)",
            params![address, milliseconds(*until), strikes],
        )?;
    }
    Ok(())
}

fn message(row: &Row<'_>) -> Option<Message> {
    let id = Uuid::try_parse(row.get_ref("id").ok()?.as_str().ok()?).ok()?;
    let record: Record = serde_json::from_str(row.get_ref("record").ok()?.as_str().ok()?).ok()?;
    let body = Bytes::copy_from_slice(row.get_ref("body").ok()?.as_blob().ok()?);
    let api_version = ApiVersion::ALL.into_iter().find(|version| version.as_str() == record.api_version)?;
    // The mail was within the limit when it was accepted.
    let email = validate(body::parse(&body).ok()?, api_version, usize::MAX).ok()?.email;
    let received_at = moment(record.received_at);
    Some(Message {
        id,
        received_at,
        api_version,
        email,
        internet_message_id: record.internet_message_id,
        operation: Operation { started_at: received_at, ends_at: moment(record.ends_at), failure: record.failure },
        deliveries: record.deliveries,
        request: RawRequest { method: record.method, target: record.target, headers: record.headers, body },
        search_text: SearchText::default(),
    })
}

/// SQLite's integers are signed.
fn milliseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn moment(milliseconds: i64) -> SystemTime {
    later(UNIX_EPOCH, Duration::from_millis(milliseconds.unsigned_abs()))
}
