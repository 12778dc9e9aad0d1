//! Finished replays in object storage.
//!
//! Decides names: `<prefix>/<broadcast>/<file>`. Credentials and region come from the environment, as on any AWS host.

use std::path::Path;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

use super::{MOVIE, PLAYLIST, POSTER};

/// Pieces of an upload.
const PIECE: usize = 8 << 20;

/// Where finished replays lie.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Store {
    /// `s3://bucket/prefix`.
    pub(crate) fn open(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("s3://");
        let rest = rest.ok_or_else(|| format!("`{url}` is not a replay store\n\nhint: s3://bucket/prefix"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
        let store = store.map_err(|error| format!("replay store `{url}` cannot be used: {error}"))?;
        Ok(Store { objects: Arc::new(store), prefix: prefix.trim_matches('/').to_owned() })
    }

    fn key(&self, id: &str, file: &str) -> Key {
        [self.prefix.as_str(), id, file].iter().filter(|part| !part.is_empty()).copied().collect()
    }

    /// Copies a replay; the playlist last, so that whoever sees it can play.
    pub(crate) async fn upload(&self, directory: &Path, id: &str) -> Result<(), String> {
        for (file, kind) in [(MOVIE, "video/mp4"), (POSTER, "image/jpeg"), (PLAYLIST, "application/vnd.apple.mpegurl")]
        {
            let path = directory.join(file);
            if !path.exists() {
                continue;
            }
            let copy = async {
                let mut source = tokio::fs::File::open(&path).await?;
                let attributes = Attributes::from_iter([
                    (Attribute::ContentType, kind),
                    (Attribute::CacheControl, "public, max-age=31536000, immutable"),
                ]);
                let target = BufWriter::with_capacity(self.objects.clone(), self.key(id, file), PIECE);
                let mut target = target.with_attributes(attributes);
                tokio::io::copy(&mut source, &mut target).await?;
                target.shutdown().await
            };
            copy.await.map_err(|error: std::io::Error| format!("`{file}`: {error}"))?;
        }
        Ok(())
    }

    /// Part of a file.
    pub(crate) async fn read(&self, id: &str, file: &str, range: std::ops::Range<u64>) -> Result<Bytes, String> {
        self.objects.get_range(&self.key(id, file), range).await.map_err(|error| error.to_string())
    }

    /// A file's length.
    pub(crate) async fn length(&self, id: &str, file: &str) -> Result<u64, String> {
        self.objects.head(&self.key(id, file)).await.map(|meta| meta.size).map_err(|error| error.to_string())
    }

    /// Deletes a replay.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), String> {
        for file in [PLAYLIST, POSTER, MOVIE] {
            match self.objects.delete(&self.key(id, file)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}
