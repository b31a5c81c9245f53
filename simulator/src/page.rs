//! The frame of every page for a customer: plain HTML, no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::http::HttpReply;
use crate::provider::Reply;
use crate::time::{Millis, iso};

/// A page of a provider. `brand` is the provider's name; `hint` tells a tester what to enter.
pub(crate) fn page(status: u16, brand: &str, title: &str, now: Millis, hint: &Markup, content: &Markup) -> Reply {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (brand) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header { i {} (brand) }
                main data-testid="page" { (content) }
                footer data-testid="sim-hint" {
                    (hint)
                    div { "A simulator: no money moves. It is " time datetime=(iso(now)) { (minute(now)) } " here." }
                }
            }
        }
    };
    HttpReply::html(status, page.into_string()).into()
}

/// The end of a way: what happened, and where to go from here.
pub(crate) fn end(good: bool, title: &str, text: &str, url: &str, label: &str) -> Markup {
    html! {
        div.mark.bad[!good] aria-hidden="true" { @if good { "✓" } @else { "!" } }
        h1 data-testid="title" { (title) }
        p.soft { (text) }
        @if leads_somewhere(url) { a.button href=(url) data-testid="return" { (label) } }
    }
}

/// Whether an address of the merchant is a link, and not a script or a document of its own.
fn leads_somewhere(url: &str) -> bool {
    let plain: String = url.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control()).collect();
    let scheme = plain.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !plain.is_empty() && !["javascript", "data", "vbscript"].contains(&scheme.as_str())
}

/// A time for a person, to the minute.
fn minute(at: Millis) -> String {
    let text: String = iso(at).chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// An amount of cents in dollars.
pub(crate) fn dollars(cents: i64) -> String {
    let (whole, rest) = (cents.div_euclid(100).to_string(), cents.rem_euclid(100));
    let digits = whole.len();
    let mut grouped = String::new();
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && digits.saturating_sub(nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{rest:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_written_as_dollars() {
        let amounts = [0, 5, 99_999, 123_456, 100_000_000];
        assert_eq!(amounts.map(dollars), ["$0.00", "$0.05", "$999.99", "$1,234.56", "$1,000,000.00"]);
    }

    #[test]
    fn what_a_merchant_sends_cannot_become_markup() {
        let page = end(true, "<b>", "&", "https://x/?a=\"b", "back").into_string();
        assert!(page.contains("&lt;b&gt;") && page.contains("&quot;b"), "{page}");
        for script in ["javascript://%0aalert(1)", " JavaScript:alert(1)", "java\tscript:alert(1)", "data:text/html,x"]
        {
            assert!(!end(true, "t", "t", script, "back").into_string().contains("alert"), "{script}");
        }
        assert!(end(true, "t", "t", "shop-app://back", "back").into_string().contains("shop-app://back"));
    }
}
