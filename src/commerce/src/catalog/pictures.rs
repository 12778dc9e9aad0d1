//! Product pictures: checked, decoded, written anew (so that nothing but pixels is kept), and stored in a folder or in
//! S3 through one interface.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, Limits, imageops::FilterType};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as Name};

use crate::Shop;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::people::Person;
use crate::store::{Connection, args, record, transact};

/// The largest file taken.
pub(crate) const LARGEST: usize = 8 * 1024 * 1024;
/// Pictures of one product.
pub(crate) const MOST: i64 = 8;
/// The longer side of a stored picture, in pixels.
const FULL: u32 = 1280;
/// The longer side of a thumbnail, in pixels.
const THUMBNAIL: u32 = 480;
/// The longest side that is decoded at all: a small file can claim to be enormous.
const LONGEST: u32 = 10_000;

record! {
    /// A stored picture.
    Picture from "images" {
        /// Identity.
        id: Id,
        /// What it shows.
        product_id: Id,
        /// Its place among the product's pictures.
        position: i64,
        /// Its name in the store, without ending.
        name: String,
        /// Width in pixels.
        width: i64,
        /// Height in pixels.
        height: i64,
    }
}

impl Picture {
    /// Where it is served.
    pub(crate) fn url(&self) -> String {
        format!("/pictures/{}.jpg", self.name)
    }

    /// Where its thumbnail is served.
    pub(crate) fn thumbnail(&self) -> String {
        format!("/pictures/{}-small.jpg", self.name)
    }
}

/// The store of pictures.
#[derive(Clone)]
pub(crate) struct Pictures(Arc<dyn ObjectStore>);

impl Pictures {
    /// Opens a folder or `s3://bucket/prefix`; the credentials for S3 come from the environment or the instance.
    pub(crate) fn open(place: &str) -> Result<Self> {
        let broken = |e: object_store::Error| Error::Unavailable(format!("cannot open the pictures `{place}`: {e}"));
        if let Some(rest) = place.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket);
            let store = builder.build().map_err(broken)?;
            return Ok(Pictures(Arc::new(object_store::prefix::PrefixStore::new(store, prefix))));
        }
        std::fs::create_dir_all(place)
            .map_err(|e| Error::Unavailable(format!("cannot make the folder `{place}`: {e}")))?;
        let store = object_store::local::LocalFileSystem::new_with_prefix(Path::new(place)).map_err(broken)?;
        Ok(Pictures(Arc::new(store)))
    }

    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let stored = self.0.put(&Name::from(name), PutPayload::from(bytes)).await;
        stored.map(drop).map_err(|e| Error::Unavailable(format!("cannot store the picture: {e}")))
    }

    /// The bytes of a stored file.
    pub(crate) async fn read(&self, name: &str) -> Result<axum::body::Bytes> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') && !name.contains("..");
        if !plain {
            return Err(Error::NotFound("picture"));
        }
        let unavailable = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => Error::NotFound("picture"),
            other => Error::Unavailable(format!("cannot read the picture: {other}")),
        };
        self.0.get(&Name::from(name)).await.map_err(unavailable)?.bytes().await.map_err(unavailable)
    }
}

/// A picture written anew.
struct Rewritten {
    full: Vec<u8>,
    small: Vec<u8>,
    width: i64,
    height: i64,
}

fn rewrite(bytes: &[u8]) -> Result<Rewritten> {
    let unreadable = |_| Error::invalid("image", "must be a JPEG, PNG or WebP picture of at most 10,000 pixels a side");
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| Error::Internal(e.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST);
    limits.max_image_height = Some(LONGEST);
    limits.max_alloc = Some(256 * 1024 * 1024);
    reader.limits(limits);
    let decoded = reader.decode().map_err(unreadable)?;
    let fit = |side: u32| {
        if decoded.width().max(decoded.height()) > side {
            decoded.resize(side, side, FilterType::CatmullRom)
        } else {
            decoded.clone()
        }
    };
    let jpeg = |picture: &image::DynamicImage, quality: u8| {
        let mut out = Vec::new();
        let encoded = picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality));
        encoded.map(|()| out).map_err(|e| Error::Internal(format!("cannot write the picture anew: {e}")))
    };
    let (full, small) = (fit(FULL), fit(THUMBNAIL));
    Ok(Rewritten {
        width: i64::from(full.width()),
        height: i64::from(full.height()),
        full: jpeg(&full, 84)?,
        small: jpeg(&small, 80)?,
    })
}

/// Adds a picture to a product.
pub(crate) async fn add(shop: &Shop, person: &Person, product: Id, bytes: axum::body::Bytes) -> Result<Picture> {
    if bytes.len() > LARGEST {
        return Err(Error::TooLarge(LARGEST));
    }
    let owner = person.clone();
    let allowed = crate::store::read!(shop.database, Committed, [owner], |c| {
        owner.must_own(super::find(c, product).await?.seller_id)?;
        count(c, product).await
    });
    if allowed.await? >= MOST {
        return Err(Error::Conflict("too-many-pictures", format!("a product has at most {MOST} pictures")));
    }
    let turn = shop.drawing.acquire().await.map_err(|e| Error::Internal(e.to_string()))?;
    let drawn = tokio::task::spawn_blocking(move || rewrite(&bytes)).await;
    drop(turn);
    let drawn = drawn.map_err(|e| Error::Internal(e.to_string()))??;
    let id = Id::new();
    // The name is not the id, so that a picture cannot be guessed from its product.
    let name = format!("{id}{}", crate::secret::hex(&crate::secret::random::<4>()));
    shop.pictures.write(&format!("{name}.jpg"), drawn.full).await?;
    shop.pictures.write(&format!("{name}-small.jpg"), drawn.small).await?;
    let picture = Picture { id, product_id: product, position: 0, name, width: drawn.width, height: drawn.height };
    let stored = transact!(shop.database, [picture], |c| {
        let position = count(c, product).await?;
        let p = Picture { position, ..picture };
        let sql = "INSERT INTO images (id, product_id, position, name, width, height) VALUES (?, ?, ?, ?, ?, ?)";
        c.execute(sql, args![p.id, p.product_id, p.position, &p.name, p.width, p.height]).await?;
        Ok(p)
    });
    stored.await
}

async fn count(c: &mut dyn Connection, product: Id) -> Result<i64> {
    c.number("SELECT COUNT(*) FROM images WHERE product_id = ?", args![product]).await
}

/// A product's pictures.
pub(crate) async fn of(c: &mut dyn Connection, product: Id) -> Result<Vec<Picture>> {
    c.all::<Picture>("WHERE product_id = ? ORDER BY position, id", args![product]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_anew_and_shrunk() {
        let mut png = Vec::new();
        let drawn = image::DynamicImage::new_rgba8(2000, 1000);
        drawn.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        let rewritten = rewrite(&png).unwrap();
        assert_eq!((rewritten.width, rewritten.height), (1280, 640));
        let small = image::load_from_memory(&rewritten.small).unwrap();
        assert_eq!((small.width(), small.height()), (480, 240));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bytes in [&b""[..], b"GIF89a", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\nrest"] {
            assert!(matches!(rewrite(bytes), Err(Error::Invalid { .. })));
        }
    }
}
