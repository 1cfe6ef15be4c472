//! The secret that stays the same from start to start: of it are made the hosts that are shown in place of addresses, and
//! what else must not change when the server is started again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The file in the data folder.
const FILE: &str = "secret.key";

/// 32 random bytes.
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// The secret in `folder`, made if there is none yet; without a folder, a fresh one.
    pub(super) fn of(folder: Option<&Path>) -> io::Result<Self> {
        let Some(folder) = folder else { return Self::fresh() };
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                let bytes = bytes.try_into().map_err(|_| {
                    let text = format!("{} is damaged; delete it", path.display());
                    io::Error::new(io::ErrorKind::InvalidData, text)
                })?;
                Ok(Self(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = Self::fresh()?;
                // Whole or not at all: a server that is killed here starts again.
                let part = folder.join(".secret.key.new");
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&part)?;
                file.write_all(&secret.0)?;
                file.sync_all()?;
                fs::rename(&part, &path)?;
                Ok(secret)
            }
            Err(error) => Err(error),
        }
    }

    fn fresh() -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Bytes for one use, which tell nothing of those for another.
    pub(super) fn bytes(&self, use_: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.0).chain_update(use_).finalize().into()
    }

    /// The same, 16 of them.
    pub(super) fn key(&self, use_: &str) -> [u8; 16] {
        let bytes = self.bytes(use_);
        std::array::from_fn(|index| bytes[index])
    }

    /// The same as a number.
    pub(super) fn number(&self, use_: &str) -> u64 {
        let bytes = self.bytes(use_);
        u64::from_le_bytes(std::array::from_fn(|index| bytes[index]))
    }
}
