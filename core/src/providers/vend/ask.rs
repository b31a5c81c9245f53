//! Questions that Vend answers without a snapshot.

use crate::config::vend::Settings;
use crate::json::Malformed;
use crate::providers::question::questions;

questions! {
    /// The page where a retailer cancels the subscription to an application.
    partner_apps_page { settings: Settings } => match settings.names_a_retailer() {
        true => Ok(settings.partner_apps_page()),
        false => Err(Malformed::new("/settings/domain_prefix", "is not one label of a domain")),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cancellation_page_is_on_the_domain_of_the_retailer() {
        let [question] = QUESTIONS else { panic!("one question") };
        let page = (question.answer)(r#"{"settings":{"domain_prefix":"marshmallow"}}"#);
        assert_eq!(page.as_deref(), Ok("\"https://marshmallow.retail.lightspeed.app/billing/partner-apps\""));
        let without_domain = (question.answer)(r#"{"settings":{}}"#);
        assert_eq!(without_domain.unwrap_err().pointer, "/settings/domain_prefix");
    }
}
