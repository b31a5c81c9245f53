//! Arguments as JSON text, which the core reads itself: its errors are the same in every language.

use itoa::Buffer;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyMemoryView, PySequence, PyString,
    PyTuple,
};
use rulebound::json::{quote, write as written};

use crate::arguments::{self, SURROGATE};
use crate::errors::Error;

/// How deep the core's reader goes.
const DEEPEST: usize = 127;
/// The longest text that is written: 4 MiB. A few lists or mappings that share one another can stand for far more than
/// memory holds.
const LONGEST: usize = 4 << 20;

/// A value as JSON.
pub(crate) fn json(value: &Bound<'_, PyAny>) -> Result<String, Error> {
    let mut text = String::with_capacity(256);
    write(&mut text, value, 0)?;
    Ok(text)
}

/// A fact as JSON, and apart from it the raw body that it may have.
pub(crate) fn fact<'py>(value: &Bound<'py, PyAny>) -> Result<(String, Option<Bound<'py, PyBytes>>), Error> {
    let mut text = String::with_capacity(256);
    let mut raw = None;
    let entry = |text: &mut String, name: &str, it: &Bound<'py, PyAny>| match name {
        "body" => match arguments::bytes(it)? {
            None => write(text, it, 1),
            bytes => {
                raw = bytes;
                text.push_str("\"\"");
                Ok(())
            }
        },
        "headers" => headers(text, it),
        "fact" => Err(Error::new("is what `read_webhook` returned: pass its `fact`")),
        _ => write(text, it, 1),
    };
    match value.cast::<PyMapping>() {
        Ok(it) => entries(&mut text, &dict(it)?, entry)?,
        Err(_) => write(&mut text, value, 0)?,
    }
    Ok((text, raw))
}

/// Writes headers, which may be more than a mapping of texts; the core says what is wrong with anything else.
fn headers(text: &mut String, value: &Bound<'_, PyAny>) -> Result<(), Error> {
    let is_pair = |it: Bound<'_, PyAny>| it.is_instance_of::<PyTuple>() || it.is_instance_of::<PyList>();
    let is_list = value.cast_exact::<PyList>().is_ok_and(|list| !list.iter().next().is_some_and(is_pair));
    let items = if is_list { None } else { arguments::items(value)? };
    let Some(items) = items else { return write(text, value, 1) };
    let mut before = '{';
    for (index, item) in items.enumerate() {
        let (name, value) = arguments::pair(index, &item?)?;
        let name = arguments::header(&name)?;
        // A framework may hold an absent header as `None`.
        if value.is_none() {
            continue;
        }
        bounded(text, &name)?;
        text.push(before);
        before = ',';
        quote(text, &name);
        text.push(':');
        match value.is_instance_of::<PyBytes>() {
            true => quote(text, &arguments::header(&value)?),
            false => write(text, &value, 2).map_err(|error| error.under(&name))?,
        }
    }
    text.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn write(text: &mut String, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Error> {
    if let Ok(it) = value.cast_exact::<PyString>() {
        string(text, it)
    } else if let Ok(it) = value.cast_exact::<PyDict>() {
        object(text, it, depth)
    } else if let Ok(it) = value.cast_exact::<PyInt>() {
        integer(text, it)
    } else if let Ok(it) = value.cast_exact::<PyList>() {
        list(text, it.iter().map(Ok), depth)
    } else if value.is_none() {
        text.push_str("null");
        Ok(())
    } else if let Ok(it) = value.cast_exact::<PyBool>() {
        text.push_str(if it.is_true() { "true" } else { "false" });
        Ok(())
    } else {
        write_other(text, value, depth)
    }
}

/// The rarer types: floats, tuples, subclasses, and mappings and sequences of the host's own.
fn write_other(text: &mut String, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Error> {
    if let Ok(it) = value.cast::<PyString>() {
        string(text, it)
    } else if let Ok(it) = value.cast::<PyInt>() {
        integer(text, it)
    } else if let Ok(it) = value.cast::<PyFloat>() {
        float(text, it)
    } else if is_bytes(value) {
        Err(Error::new("is bytes, but must be text"))
    } else if let Ok(it) = value.cast::<PyMapping>() {
        object(text, &dict(it)?, depth)
    } else if let Ok(it) = value.cast::<PySequence>() {
        list(text, it.try_iter()?, depth)
    } else {
        Err(Error::new(format!("is a `{}`, which JSON cannot represent", value.get_type().name()?)))
    }
}

fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>()
}

/// A mapping of any class, as a dictionary.
fn dict<'py>(mapping: &Bound<'py, PyMapping>) -> Result<Bound<'py, PyDict>, Error> {
    Ok(match mapping.cast_exact::<PyDict>() {
        Ok(dict) => dict.clone(),
        Err(_) => PyDict::from_sequence(mapping.items()?.as_any())?,
    })
}

fn object(text: &mut String, members: &Bound<'_, PyDict>, depth: usize) -> Result<(), Error> {
    let depth = deeper(depth)?;
    entries(text, members, |text, _, value| write(text, value, depth))
}

/// Writes an object, whose values the caller writes.
fn entries<'py>(
    text: &mut String,
    members: &Bound<'py, PyDict>,
    mut entry: impl FnMut(&mut String, &str, &Bound<'py, PyAny>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut before = '{';
    for (key, value) in members {
        let Ok(key) = key.cast::<PyString>() else {
            return Err(Error::new(format!("has a `{}` as a key, but every key must be text", key.get_type().name()?)));
        };
        let name = plain(key)?;
        bounded(text, name)?;
        text.push(before);
        before = ',';
        quote(text, name);
        text.push(':');
        entry(text, name, &value).map_err(|error| error.under(name))?;
    }
    text.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn list<'py>(
    text: &mut String,
    values: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    depth: usize,
) -> Result<(), Error> {
    let depth = deeper(depth)?;
    text.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(',');
        }
        bounded(text, "")?;
        write(text, &value?, depth).map_err(|error| error.under(&index.to_string()))?;
    }
    text.push(']');
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, Error> {
    match depth < DEEPEST {
        true => Ok(depth.saturating_add(1)),
        false => Err(Error::new(format!("is nested deeper than {DEEPEST} levels, or holds itself"))),
    }
}

fn string(text: &mut String, value: &Bound<'_, PyString>) -> Result<(), Error> {
    let plain = plain(value)?;
    bounded(text, plain)?;
    quote(text, plain);
    Ok(())
}

/// That a text stays short enough with what comes next.
fn bounded(text: &str, next: &str) -> Result<(), Error> {
    match text.len().saturating_add(next.len()) > LONGEST {
        true => Err(Error::new("is longer than 4 MiB")),
        false => Ok(()),
    }
}

fn plain<'a>(value: &'a Bound<'_, PyString>) -> Result<&'a str, Error> {
    value.to_str().map_err(|_| Error::new(SURROGATE))
}

fn integer(text: &mut String, value: &Bound<'_, PyInt>) -> Result<(), Error> {
    match value.extract::<i64>() {
        Ok(small) => {
            text.push_str(Buffer::new().format(small));
            Ok(())
        }
        // The core says what is wrong with one that is too large.
        Err(_) => {
            let digits = digits(value).map_err(|_| Error::new("is an integer with too many digits"))?;
            text.push_str(&digits);
            Ok(())
        }
    }
}

/// An integer in decimal digits, whatever its own class would print.
fn digits(value: &Bound<'_, PyInt>) -> PyResult<String> {
    let plain = value.call_method0("__index__")?;
    value.py().get_type::<PyInt>().call_method1("__repr__", (plain,))?.extract()
}

fn float(text: &mut String, value: &Bound<'_, PyFloat>) -> Result<(), Error> {
    let value = value.value();
    if !value.is_finite() {
        return Err(Error::new("is not a finite number"));
    }
    text.push_str(&written(&value));
    Ok(())
}
