//! Arguments as JSON text, which the core reads itself: what is wrong with them is told the same in every language.

use itoa::Buffer;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyMemoryView, PySequence, PyString,
    PyTuple,
};
use rulebound::json::{quote, write as written};

use crate::arguments::{self, SURROGATE};
use crate::errors::Wrong;

/// How deep the core's reader goes.
const DEEPEST: usize = 127;
/// The longest text that is written: 4 MiB. A few lists or mappings that share one another can stand for far more than
/// memory holds.
const LONGEST: usize = 4 << 20;

/// A value as JSON.
pub(crate) fn json(value: &Bound<'_, PyAny>) -> Result<String, Wrong> {
    let mut text = String::with_capacity(256);
    write(&mut text, value, 0)?;
    Ok(text)
}

/// A fact as JSON, and apart from it the raw body that it may have.
pub(crate) fn fact<'py>(value: &Bound<'py, PyAny>) -> Result<(String, Option<Bound<'py, PyBytes>>), Wrong> {
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
        _ => write(text, it, 1),
    };
    if let Ok(it) = value.cast_exact::<PyDict>() {
        entries(&mut text, it.iter().map(Ok), entry)?;
    } else if let Ok(it) = value.cast::<PyMapping>() {
        entries(&mut text, it.items()?.iter().map(|pair| Ok(pair.extract()?)), entry)?;
    } else {
        write(&mut text, value, 0)?;
    }
    Ok((text, raw))
}

/// Writes headers, which may be more than a mapping of texts; the core says what is wrong with anything else.
fn headers(text: &mut String, value: &Bound<'_, PyAny>) -> Result<(), Wrong> {
    let is_pair = |it: Bound<'_, PyAny>| it.is_instance_of::<PyTuple>() || it.is_instance_of::<PyList>();
    let is_list = value.cast_exact::<PyList>().is_ok_and(|list| !list.iter().next().is_some_and(is_pair));
    let items = if is_list { None } else { arguments::items(value)? };
    let Some(items) = items else { return write(text, value, 1) };
    let mut before = '{';
    for (index, item) in items.enumerate() {
        let (name, value) = arguments::pair(index, &item?)?;
        let name = arguments::header(&name)?;
        // What a framework leaves out, it may hold as nothing.
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
            false => write(text, &value, 2).map_err(|wrong| wrong.under(&name))?,
        }
    }
    text.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn write(text: &mut String, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Wrong> {
    if let Ok(it) = value.cast_exact::<PyString>() {
        string(text, it)
    } else if let Ok(it) = value.cast_exact::<PyDict>() {
        object(text, it.iter().map(Ok), depth)
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

/// What is rarer: floats, tuples, subclasses, and mappings and sequences of the host's own.
fn write_other(text: &mut String, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Wrong> {
    if let Ok(it) = value.cast::<PyString>() {
        string(text, it)
    } else if let Ok(it) = value.cast::<PyInt>() {
        integer(text, it)
    } else if let Ok(it) = value.cast::<PyFloat>() {
        float(text, it)
    } else if let Ok(it) = value.cast::<PyTuple>() {
        list(text, it.iter().map(Ok), depth)
    } else if is_bytes(value) {
        Err(Wrong::new("is bytes, where text belongs"))
    } else if let Ok(it) = value.cast::<PyMapping>() {
        let pairs = it.items()?;
        object(text, pairs.iter().map(|pair| Ok(pair.extract()?)), depth)
    } else if let Ok(it) = value.cast::<PySequence>() {
        list(text, it.try_iter()?, depth)
    } else {
        Err(Wrong::new(format!("is a `{}`, which JSON has no form for", value.get_type().name()?)))
    }
}

fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>()
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn object<'py>(
    text: &mut String,
    pairs: impl Iterator<Item = Result<Pair<'py>, Wrong>>,
    depth: usize,
) -> Result<(), Wrong> {
    let depth = deeper(depth)?;
    entries(text, pairs, |text, _, value| write(text, value, depth))
}

/// Writes an object, whose values the caller writes.
fn entries<'py>(
    text: &mut String,
    pairs: impl Iterator<Item = Result<Pair<'py>, Wrong>>,
    mut entry: impl FnMut(&mut String, &str, &Bound<'py, PyAny>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut before = '{';
    for pair in pairs {
        let (key, value) = pair?;
        let Ok(key) = key.cast::<PyString>() else {
            return Err(Wrong::new(format!("has a `{}` as a key, where text belongs", key.get_type().name()?)));
        };
        let name = plain(key)?;
        bounded(text, name)?;
        text.push(before);
        before = ',';
        quote(text, name);
        text.push(':');
        entry(text, name, &value).map_err(|wrong| wrong.under(name))?;
    }
    text.push_str(if before == '{' { "{}" } else { "}" });
    Ok(())
}

fn list<'py>(
    text: &mut String,
    values: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    depth: usize,
) -> Result<(), Wrong> {
    let depth = deeper(depth)?;
    text.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(',');
        }
        bounded(text, "")?;
        write(text, &value?, depth).map_err(|wrong| wrong.under(&index.to_string()))?;
    }
    text.push(']');
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, Wrong> {
    match depth < DEEPEST {
        true => Ok(depth.saturating_add(1)),
        false => Err(Wrong::new(format!("is nested deeper than {DEEPEST} levels, or holds itself"))),
    }
}

fn string(text: &mut String, value: &Bound<'_, PyString>) -> Result<(), Wrong> {
    let plain = plain(value)?;
    bounded(text, plain)?;
    quote(text, plain);
    Ok(())
}

/// That a text stays short enough with what comes next.
fn bounded(text: &str, next: &str) -> Result<(), Wrong> {
    match text.len().saturating_add(next.len()) > LONGEST {
        true => Err(Wrong::new("is longer than 4 MiB")),
        false => Ok(()),
    }
}

fn plain<'a>(value: &'a Bound<'_, PyString>) -> Result<&'a str, Wrong> {
    value.to_str().map_err(|_| Wrong::new(SURROGATE))
}

fn integer(text: &mut String, value: &Bound<'_, PyInt>) -> Result<(), Wrong> {
    match value.extract::<i64>() {
        Ok(small) => {
            text.push_str(Buffer::new().format(small));
            Ok(())
        }
        // The core says what is wrong with one that is too large.
        Err(_) => {
            let digits = digits(value).map_err(|_| Wrong::new("is an integer of too many digits"))?;
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

fn float(text: &mut String, value: &Bound<'_, PyFloat>) -> Result<(), Wrong> {
    let value = value.value();
    if !value.is_finite() {
        return Err(Wrong::new("is no finite number"));
    }
    text.push_str(&written(&value));
    Ok(())
}
