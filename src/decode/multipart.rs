//! Bodies of HTML forms with files (`multipart/form-data`, RFC 7578).

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use multer::{Field as Part, Multipart};

use super::Error;
use super::charset::{CHARSET_FIELD, Charset};
use super::disposition::Disposition;
use super::form::{Field, Upload, clean};
use crate::policy::{MAX_FIELDS, MAX_FILES, Route};
use crate::web::media_type;

/// The fields in the order in which they were sent.
///
/// The host has read the whole body, up to the route's limit, so the parser never waits for more.
pub(super) fn decode(route: &Route, headers: &HeaderMap, body: Bytes) -> Result<(Vec<Field>, Vec<Upload>), Error> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| Error::Boundary)?;
    let body = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let parts = read(route, Multipart::new(body, boundary)).now_or_never();
    let (texts, uploads) = parts.unwrap_or(Err(Error::Multipart))?;
    Ok((decoded(texts, Charset::declared(headers)?)?, uploads))
}

/// A part that is no file, before it is decoded.
struct Text {
    name: String,
    bytes: Bytes,
    /// What the part itself says (RFC 7578, 4.5).
    charset: Option<Charset>,
}

/// The fields of a form whose parts may name their encoding, or one field or the content type that of all.
fn decoded(texts: Vec<Text>, declared: Option<Charset>) -> Result<Vec<Field>, Error> {
    let utf8 = texts.iter().all(|text| std::str::from_utf8(&text.bytes).is_ok());
    let own = texts.iter().find(|text| text.name == CHARSET_FIELD);
    let common = own.map_or(declared, |text| Charset::named(&text.bytes));
    let fields = texts.into_iter().map(|Text { name, bytes, charset }| {
        let charset = charset.or(common).filter(|_| !utf8).unwrap_or_default();
        Ok(Field { name, text: charset.decode(&bytes).ok_or(Error::FormNotUtf8)?.into_owned() })
    });
    fields.collect()
}

async fn read(route: &Route, mut parts: Multipart<'_>) -> Result<(Vec<Text>, Vec<Upload>), Error> {
    let (mut texts, mut uploads) = (Vec::new(), Vec::new());
    let mut left = route.form.attachments.as_ref().map(|allowed| allowed.max_bytes);
    while let Some(part) = parts.next_field().await.map_err(|_| Error::Multipart)? {
        if texts.len() == MAX_FIELDS {
            return Err(Error::TooManyFields);
        }
        let disposition =
            part.headers().get(CONTENT_DISPOSITION).and_then(|value| Disposition::parse(value.as_bytes()));
        let Disposition { name, file } = disposition.ok_or(Error::Multipart)?;
        let file = file.as_deref().map(clean);
        let charset = media_type::charset(part.headers()).and_then(|label| Charset::named(label.as_bytes()));
        let bytes = whole(part).await.map_err(|_| Error::Multipart)?;
        match (file, &mut left) {
            // For a file control without a file, a browser sends an empty file.
            (Some(_), _) if bytes.is_empty() => {}
            (Some(_), None) => return Err(Error::File),
            (Some(file), Some(left)) => {
                let limit = route.form.attachments.as_ref().map_or(0, |allowed| allowed.max_bytes);
                *left = left.checked_sub(bytes.len()).ok_or(Error::FilesTooLarge(limit))?;
                if uploads.len() == MAX_FILES {
                    return Err(Error::TooManyFiles);
                }
                // A schema may have a property for the control; its value is the file's name.
                if route.schema.has(name.trim_end_matches("[]")) {
                    texts.push(Text {
                        name: name.clone(),
                        bytes: file.clone().into(),
                        charset: Some(Charset::default()),
                    });
                }
                uploads.push(Upload { field: name, name: file, bytes });
            }
            (None, _) => texts.push(Text { name, bytes, charset }),
        }
    }
    Ok((texts, uploads))
}

/// The content of a part. It comes in one piece, because the body did; reading it by chunks saves a copy.
async fn whole(mut part: Part<'_>) -> multer::Result<Bytes> {
    let first = part.chunk().await?.unwrap_or_default();
    match part.chunk().await? {
        None => Ok(first),
        Some(_) => Err(multer::Error::IncompleteStream),
    }
}
