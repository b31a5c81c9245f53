//! Questions to Vend's pure modules, in JSON.

use alloc::format;
use alloc::string::String;

use serde::Deserialize;

use super::settings::Settings;
use crate::decode::{Malformed, decode};
use crate::encode::encode;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartnerApps {
    settings: Settings,
}

pub(super) fn ask(question: &str, with: &str) -> Result<String, Malformed> {
    match question {
        "partner_apps_page" => {
            let PartnerApps { settings } = decode(with).map_err(|wrong| wrong.under("/with"))?;
            if !settings.names_a_retailer() {
                return Err(Malformed::new("/with/settings/domain_prefix", "is not one label of a domain"));
            }
            let page = settings.partner_apps_page();
            Ok(encode(&page))
        }
        _ => Err(Malformed::new("/question", format!("there is no question `{question}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_to_cancel_on_is_the_retailers_own() {
        let page = ask("partner_apps_page", r#"{"settings":{"domain_prefix":"marshmallow"}}"#);
        assert_eq!(page.as_deref(), Ok("\"https://marshmallow.vendhq.com/billing/partner-apps\""));
        assert_eq!(ask("partner_apps_page", r#"{"settings":{}}"#).unwrap_err().field, "/with/settings/domain_prefix");
        assert_eq!(ask("weather", "{}").unwrap_err().field, "/question");
    }
}
