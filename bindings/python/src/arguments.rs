//! Arguments that are not objects of the wire: keys, texts, raw bodies, secrets and headers.

use std::borrow::Cow;
use std::marker::PhantomData;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyByteArray, PyBytes, PyIterator, PyList, PyMapping, PyMemoryView, PySequence, PyString, PyTuple, PyType,
};
use rulebound::json::read;
use rulebound::{Headers, Key};
use serde::de::DeserializeOwned;

use crate::errors::{Error, invalid_input};
use crate::walk;

/// The text of an argument.
pub(crate) fn named<'a>(value: &'a Bound<'_, PyAny>, name: &str) -> PyResult<&'a str> {
    text(value).map_err(|error| error.under(name).raise(value.py()))
}

/// A key: a text, or a `uuid.UUID`, which stands for its text.
pub(crate) fn key(value: &Bound<'_, PyAny>) -> PyResult<Key> {
    static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let read = || {
        let is_text = value.is_instance_of::<PyString>();
        let own = match !is_text && value.is_instance(UUID.import(value.py(), "uuid", "UUID")?)? {
            true => value.str()?.into_any(),
            false => value.clone(),
        };
        Key::parse(text(&own)?).map_err(|wrong| Error::new(wrong.to_string()))
    };
    read().map_err(|error: Error| error.under("key").raise(value.py()))
}

/// The text of a saved snapshot, which storage may hand back as bytes.
pub(crate) fn saved<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    let unreadable = |why| invalid_input(value.py(), "unreadable_snapshot", "/snapshot", why);
    if let Some(bytes) = bytes(value)? {
        let text = str::from_utf8(bytes.as_bytes()).map_err(|_| unreadable("is not UTF-8"))?;
        return Ok(Cow::Owned(text.to_owned()));
    }
    match value.cast::<PyString>() {
        Ok(text) => text.to_str().map(Cow::Borrowed).map_err(|_| unreadable(SURROGATE)),
        Err(_) => named(value, "snapshot").map(Cow::Borrowed),
    }
}

/// An argument that the core reads from JSON: the id of an effect, the number of a format, or a span of time.
pub(crate) fn value<T: DeserializeOwned>(value: &Bound<'_, PyAny>, name: &str) -> PyResult<T> {
    let read = || Ok::<_, Error>(read(&walk::json(value)?, PhantomData)?);
    read().map_err(|error| error.under(name).raise(value.py()))
}

/// A raw body: bytes as they came, or text.
pub(crate) fn raw<'py>(body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    const PARSED: &str = "is neither bytes nor text: give the raw body, before it is parsed";
    if let Some(bytes) = bytes(body)? {
        return Ok(bytes);
    }
    let text = text(body).map_err(|_| Error::new(PARSED).under("body").raise(body.py()))?;
    Ok(PyBytes::new(body.py(), text.as_bytes()))
}

/// The bytes of `bytes`, and a copy of those of a `bytearray` or a `memoryview`, which others may change.
pub(crate) fn bytes<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Some(bytes.clone()));
    }
    if !value.is_instance_of::<PyByteArray>() && !value.is_instance_of::<PyMemoryView>() {
        return Ok(None);
    }
    Ok(Some(value.py().get_type::<PyBytes>().call1((value,))?.cast_into()?))
}

/// One secret, or several while you exchange them.
pub(crate) fn secrets(secrets: &Bound<'_, PyAny>) -> Result<Vec<String>, Error> {
    if secrets.is_instance_of::<PyString>() {
        return Ok(vec![text(secrets)?.to_owned()]);
    }
    let Ok(several) = secrets.cast::<PySequence>() else {
        return Err(Error::new("is neither one secret nor a list of them"));
    };
    let mut texts = Vec::new();
    for (index, secret) in several.try_iter()?.enumerate() {
        let secret = secret?;
        texts.push(text(&secret).map_err(|error| error.under(&index.to_string()))?.to_owned());
    }
    Ok(texts)
}

/// Headers by name, as frameworks have them.
pub(crate) fn headers(headers: &Bound<'_, PyAny>) -> Result<Headers<'static>, Error> {
    let Some(items) = items(headers)? else {
        return Err(Error::new("is neither a mapping of header names to values nor a list of pairs"));
    };
    let mut pairs = Vec::new();
    for (index, item) in items.enumerate() {
        let (name, value) = pair(index, &item?)?;
        let name = header(&name)?;
        if !value.is_none() {
            pairs.push((name.to_string(), header(&value).map_err(|error| error.under(&name))?.into_owned()));
        }
    }
    Ok(pairs.into_iter().collect())
}

/// The name or the value of a header: text, or bytes as ASGI has them, which are Latin-1.
pub(crate) fn header<'a>(value: &'a Bound<'_, PyAny>) -> Result<Cow<'a, str>, Error> {
    match value.cast::<PyBytes>() {
        Ok(bytes) => Ok(bytes.as_bytes().iter().map(|byte| char::from(*byte)).collect()),
        Err(_) => text(value).map(Cow::Borrowed),
    }
}

/// The headers one by one: of a mapping, of anything else that has `items`, or of a list.
pub(crate) fn items<'py>(headers: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyIterator>>, Error> {
    if let Ok(mapping) = headers.cast::<PyMapping>() {
        return Ok(Some(mapping.items()?.try_iter()?));
    }
    if headers.is_instance_of::<PyList>() || headers.is_instance_of::<PyTuple>() {
        return Ok(Some(headers.try_iter()?));
    }
    let items = headers.getattr_opt(intern!(headers.py(), "items"))?;
    Ok(items.map(|it| it.call0()?.try_iter()).transpose()?)
}

/// The name and the value of a header.
pub(crate) fn pair<'py>(
    index: usize,
    item: &Bound<'py, PyAny>,
) -> Result<(Bound<'py, PyAny>, Bound<'py, PyAny>), Error> {
    let parts = item.cast::<PyList>().map_or_else(|_| item.clone(), |list| list.to_tuple().into_any());
    parts.extract().map_err(|_| Error::new("is not a pair of a name and a value").under(&index.to_string()))
}

/// Why a `str` may not be text.
pub(crate) const SURROGATE: &str = "holds a lone surrogate, which is not text";

fn text<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str, Error> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(Error::new(format!("is a `{}`, but must be text", value.get_type().name()?)));
    };
    text.to_str().map_err(|_| Error::new(SURROGATE))
}
