//! Writes that go to the database together.

#[cfg(feature = "postgres")]
use super::Record;
use super::{Arg, Tx};
use crate::error::Result;

/// A statement that writes, with its parameters.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) sql: String,
    pub(crate) args: Vec<Arg<'a>>,
}

impl Tx<'_> {
    /// Runs writes that do not read what another one of them wrote. The result is how many rows the first one changed.
    pub(crate) async fn write(&mut self, writes: &[Write<'_>]) -> Result<u64> {
        match (self, writes) {
            #[cfg(feature = "postgres")]
            (tx @ Tx::Postgres(..), [_, _, ..]) => tx.write_together(writes).await,
            (tx, writes) => {
                let mut first = None;
                for Write { sql, args } in writes {
                    let changed = tx.run(sql, args).await?;
                    first.get_or_insert(changed);
                }
                Ok(first.unwrap_or(0))
            }
        }
    }

    /// One statement, and so one message to the server.
    #[cfg(feature = "postgres")]
    async fn write_together(&mut self, writes: &[Write<'_>]) -> Result<u64> {
        let args: Vec<_> = writes.iter().flat_map(|it| it.args.iter().copied()).collect();
        let changed = self.row(&together(writes), &args).await?.as_ref().map_or(Ok(0), |it: &Record| it.int(0))?;
        Ok(u64::try_from(changed).unwrap_or(0))
    }
}

/// The writes as parts of one statement, whose row has the number of rows that the first one changed.
#[cfg(feature = "postgres")]
fn together(writes: &[Write<'_>]) -> String {
    let mut offset = 0_usize;
    let mut parts = Vec::new();
    for (number, Write { sql, args }) in writes.iter().enumerate() {
        parts.push(format!("w{number} AS ({} RETURNING 1)", shifted(sql, offset)));
        offset = offset.saturating_add(args.len());
    }
    format!("WITH {} SELECT count(*) FROM w0", parts.join(", "))
}

/// The statement with each `$1` moved on.
#[cfg(feature = "postgres")]
fn shifted(sql: &str, offset: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|it: char| !it.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let number = number.parse::<usize>().unwrap_or(0).saturating_add(offset);
        text.push_str(&format!("${number}{rest}"));
    }
    text
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn each_write_keeps_its_own_parameters() {
        let write = |sql: &str, count| Write { sql: sql.into(), args: vec![Arg::Int(1); count] };
        let writes = [write("UPDATE a SET x = $1 WHERE y = $2", 2), write("INSERT INTO b VALUES ($1, $2, $1)", 2)];
        assert_eq!(
            together(&writes),
            "WITH w0 AS (UPDATE a SET x = $1 WHERE y = $2 RETURNING 1), w1 AS (INSERT INTO b VALUES ($3, $4, $3) RETURNING 1) \
             SELECT count(*) FROM w0"
        );
    }
}
