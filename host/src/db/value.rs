//! Parameters of statements, and rows of results.

#[cfg(feature = "postgres")]
use super::postgres;
use crate::error::Result;

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Int(i64),
    MaybeInt(Option<i64>),
    Blob(&'a [u8]),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::MaybeText(text)
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::MaybeInt(number)
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes)
    }
}

/// The parameters of a statement, each as an [`Arg`].
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row of a result.
pub(crate) enum Record {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// Reads a column of either kind of row.
macro_rules! column {
    ($record:expr, $index:expr) => {
        match $record {
            #[cfg(feature = "sqlite")]
            Record::Sqlite(row) => sqlx::Row::try_get(row, $index)?,
            #[cfg(feature = "postgres")]
            Record::Postgres(row) => sqlx::Row::try_get(row, $index)?,
        }
    };
}

impl Record {
    pub(crate) fn text(&self, index: usize) -> Result<String> {
        Ok(column!(self, index))
    }

    pub(crate) fn maybe_text(&self, index: usize) -> Result<Option<String>> {
        Ok(column!(self, index))
    }

    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        Ok(column!(self, index))
    }

    pub(crate) fn int(&self, index: usize) -> Result<i64> {
        self.maybe_int(index).map(Option::unwrap_or_default)
    }

    pub(crate) fn maybe_int(&self, index: usize) -> Result<Option<i64>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => Ok(sqlx::Row::try_get(row, index)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => postgres::int(row, index),
        }
    }
}
