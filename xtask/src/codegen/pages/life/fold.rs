//! Long lines: where they can be broken, and how.

/// Where a line can be broken between two values.
pub(super) const BETWEEN: char = '\u{1}';

/// Where a line can be broken within a string.
pub(super) const WITHIN: char = '\u{2}';

/// How long a line can be.
const WIDTH: usize = 159;

/// How a language breaks a line.
pub(super) struct Fold {
    /// What the next line begins with.
    pub(super) indent: &'static str,
    /// What ends the first part of a string.
    pub(super) close: &'static str,
    /// What begins the next part of a string.
    pub(super) open: &'static str,
}

impl Fold {
    /// Breaks a line with marks into lines that are short enough, if it has enough marks.
    pub(super) fn fold(&self, marked: &str) -> String {
        let (mut done, mut line, mut last) = (String::new(), String::new(), None);
        for piece in marked.split_inclusive([BETWEEN, WITHIN]) {
            let word = piece.trim_end_matches([BETWEEN, WITHIN]);
            let is_full = line.chars().count() + word.trim_end().chars().count() > WIDTH;
            if let Some(mark) = last.filter(|_| is_full) {
                let (close, open) = if mark == WITHIN { (self.close, self.open) } else { ("", "") };
                done += if mark == WITHIN { &line } else { line.trim_end() };
                done += close;
                done.push('\n');
                line = format!("{}{open}", self.indent);
            }
            line += word;
            last = piece.chars().last().filter(|it| [BETWEEN, WITHIN].contains(it));
        }
        done + &line
    }
}
