//! Questions to Vend's pure modules.

use crate::config::vend::Settings;
use crate::json::Malformed;
use crate::providers::question::questions;

questions! {
    /// The page on which a retailer cancels the subscription to an application.
    partner_apps_page { settings: Settings } => match settings.names_a_retailer() {
        true => Ok(settings.partner_apps_page()),
        false => Err(Malformed::new("/settings/domain_prefix", "is not one label of a domain")),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_to_cancel_on_is_the_retailers_own() {
        let [question] = QUESTIONS else { panic!("one question") };
        let page = (question.answer)(r#"{"settings":{"domain_prefix":"marshmallow"}}"#);
        assert_eq!(page.as_deref(), Ok("\"https://marshmallow.vendhq.com/billing/partner-apps\""));
        let nobodys = (question.answer)(r#"{"settings":{}}"#);
        assert_eq!(nobodys.unwrap_err().pointer, "/settings/domain_prefix");
    }
}
