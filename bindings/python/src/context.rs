//! The context of a call: the time, and the host's choices.

use std::sync::{Arc, LazyLock};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyInt, PyTzInfo};
use rulebound::ffi::{read_config, read_time};
use rulebound::time::{Millis, Timestamp};
use rulebound::{Config, Context};

use crate::errors::Error;
use crate::{arguments, walk};

/// Everything that a decision depends on besides the snapshot, read from the arguments.
pub(crate) fn read(now: &Bound<'_, PyAny>, config: Option<&Bound<'_, PyAny>>) -> PyResult<Context> {
    static DEFAULT: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
    let read = || {
        let instant = time(now)?;
        Ok(match config {
            None => Context::new(instant, Arc::clone(&DEFAULT)),
            Some(config) => Context::new(instant, choices(config)?),
        })
    };
    read().map_err(|error: Error| error.raise(now.py()))
}

fn choices(config: &Bound<'_, PyAny>) -> Result<Config, Error> {
    let text = walk::json(config).map_err(|error| error.under("config"))?;
    Ok(read_config(&text)?)
}

/// What is wrong with the result of `time.time()`, which is too small by a factor of a thousand.
const SECONDS: &str = "looks like seconds since 1970: pass milliseconds or a datetime";
/// What is wrong with a number that is too large by a factor of a thousand or a million.
const MICROSECONDS: &str = "looks like microseconds or nanoseconds since 1970: pass milliseconds or a datetime";

/// An instant: integer milliseconds since the Unix epoch, or a `datetime` that knows its offset.
pub(crate) fn time(now: &Bound<'_, PyAny>) -> Result<Timestamp, Error> {
    if let Ok(integer) = now.cast_exact::<PyInt>() {
        let millis = integer.extract().unwrap_or(i64::MAX);
        let instant = Timestamp::from_millis(millis);
        if instant.looks_like_seconds() {
            return Err(Error::new(SECONDS).under("now"));
        }
        if instant.looks_like_microseconds() {
            return Err(Error::new(MICROSECONDS).under("now"));
        }
        if instant.as_millis() == millis {
            return Ok(instant);
        }
    } else if let Ok(instant) = now.cast::<PyDateTime>() {
        return since_epoch(instant).map_err(|error| error.under("now"));
    }
    // The core says what is wrong with anything else.
    let text = walk::json(now).map_err(|error| error.under("now"))?;
    Ok(read_time(&text)?)
}

/// The whole milliseconds from the Unix epoch to an instant, by Python's own exact arithmetic.
fn since_epoch(instant: &Bound<'_, PyDateTime>) -> Result<Timestamp, Error> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let py = instant.py();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?.to_owned();
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    })?;
    let since = instant.sub(epoch).or_else(|error| match instant.call_method0("utcoffset")?.is_none() {
        true => Err(Error::new("is a naive datetime: give it a time zone, or use integer milliseconds")),
        false => Err(error.into()),
    })?;
    Ok(Timestamp::from_millis(millis(&since)?))
}

/// A span of time: integer milliseconds, or a `timedelta`.
pub(crate) fn span(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Millis> {
    match value.cast::<PyDelta>() {
        Ok(span) => arguments::value(millis(span)?.into_pyobject(value.py())?.as_any(), name),
        Err(_) => arguments::value(value, name),
    }
}

/// The whole milliseconds of a `timedelta`.
fn millis(span: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = span.py();
    let part = |name| span.getattr(name)?.extract::<i64>();
    // Of a negative span the days are negative, and the rest still counts forward from them.
    let seconds = part(intern!(py, "days"))?.saturating_mul(86_400).saturating_add(part(intern!(py, "seconds"))?);
    let millis = part(intern!(py, "microseconds"))?.div_euclid(1000);
    Ok(seconds.saturating_mul(1000).saturating_add(millis))
}
