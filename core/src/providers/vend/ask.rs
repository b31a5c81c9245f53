//! Questions to Vend's pure modules, in JSON.

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

pub(super) fn ask(question: &str, with: &str) -> Result<Option<String>, Malformed> {
    Ok(Some(match question {
        "partner_apps_page" => {
            let PartnerApps { settings } = decode(with)?;
            if !settings.names_a_retailer() {
                return Err(Malformed::new("/settings/domain_prefix", "is not one label of a domain"));
            }
            encode(&settings.partner_apps_page())
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_to_cancel_on_is_the_retailers_own() {
        let page = ask("partner_apps_page", r#"{"settings":{"domain_prefix":"marshmallow"}}"#);
        assert_eq!(page.unwrap().unwrap(), "\"https://marshmallow.vendhq.com/billing/partner-apps\"");
        assert_eq!(ask("partner_apps_page", r#"{"settings":{}}"#).unwrap_err().field, "/settings/domain_prefix");
        assert_eq!(ask("weather", "{}"), Ok(None));
    }
}
