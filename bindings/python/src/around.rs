//! The circumstances of a call: the time, the policy and the settings.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyInt, PyTzInfo};
use rulebound::Policy;
use rulebound::ffi::{Around, read_policy, read_time};
use rulebound::time::Timestamp;

use crate::errors::Wrong;
use crate::walk;

/// What every decision takes beside the snapshot, read from its arguments.
pub(crate) struct Circumstances {
    now: Timestamp,
    policy: Option<Policy>,
    settings: Option<String>,
}

impl Circumstances {
    pub(crate) fn read(
        now: &Bound<'_, PyAny>,
        policy: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let read = || {
            let now = time(now)?;
            let settings = settings.map(|it| walk::json(it).map_err(|wrong| wrong.under("settings"))).transpose()?;
            Ok(Self { now, policy: policy.map(choices).transpose()?, settings })
        };
        read().map_err(|wrong: Wrong| wrong.raise(now.py()))
    }

    pub(crate) fn around(&self) -> Around<'_> {
        Around::new(self.now, self.policy.as_ref(), self.settings.as_deref())
    }
}

fn choices(policy: &Bound<'_, PyAny>) -> Result<Policy, Wrong> {
    let text = walk::json(policy).map_err(|wrong| wrong.under("policy"))?;
    Ok(read_policy(&text)?)
}

/// What `time.time()` gives, for a time that is off by a factor of a thousand.
const SECONDS: &str = "looks like seconds: give milliseconds, such as `int(time.time() * 1000)`, or a `datetime`";

/// An instant: integer milliseconds since the Unix epoch, or a `datetime` that knows its offset.
pub(crate) fn time(now: &Bound<'_, PyAny>) -> Result<Timestamp, Wrong> {
    if let Ok(integer) = now.cast_exact::<PyInt>() {
        let millis = integer.extract().unwrap_or(i64::MAX);
        let instant = Timestamp::from_millis(millis);
        if instant.looks_like_seconds() {
            return Err(Wrong::new(SECONDS).under("now"));
        }
        if instant.as_millis() == millis {
            return Ok(instant);
        }
    } else if let Ok(instant) = now.cast::<PyDateTime>() {
        return since_epoch(instant).map_err(|wrong| wrong.under("now"));
    }
    // The core says what is wrong with anything else.
    let text = walk::json(now).map_err(|wrong| wrong.under("now"))?;
    Ok(read_time(&text)?)
}

/// The whole milliseconds from the Unix epoch to an instant, by Python's own exact arithmetic.
fn since_epoch(instant: &Bound<'_, PyDateTime>) -> Result<Timestamp, Wrong> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let py = instant.py();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?.to_owned();
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    })?;
    let since = instant.sub(epoch).or_else(|error| match instant.call_method0("utcoffset")?.is_none() {
        true => Err(Wrong::new("is a naive datetime: give it a time zone, or say integer milliseconds")),
        false => Err(error.into()),
    })?;
    let part = |name| since.getattr(name)?.extract::<i64>();
    // Before the epoch the days are negative, and the rest still counts forward from them.
    let seconds = part(intern!(py, "days"))?.saturating_mul(86_400).saturating_add(part(intern!(py, "seconds"))?);
    let millis = part(intern!(py, "microseconds"))?.div_euclid(1000);
    Ok(Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(millis)))
}
