//! The evidence about a dispute, and the list of all disputes: checked requests, and the reader of the list. They need
//! no snapshot: what Flex has of the evidence, each flow learns from its lookups and webhooks.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::CREDENTIAL;
use super::api::objects::{DisputeObject, DisputeStatus, listed};
use super::catalog::post;
use super::ids::DisputeId;
use super::rules::Rule;
use crate::config::flex::Settings;
use crate::effect::{Request, Retry};
use crate::money::Cents;
use crate::providers::checked::{Checked, Violations};
use crate::snapshot::Rejection;
use crate::time::Timestamp;
use crate::url::escaped;
use crate::value::{Body, Extra, body};

/// Declares the documented members of the evidence. All of them are strings.
macro_rules! evidence {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The evidence about a dispute. An absent member stays as it is. A file is the id of a file that you have
        /// uploaded to Flex with the purpose `dispute_evidence`; an empty string removes it.
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Evidence {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<String>,)+
            /// Fields that the library does not know.
            #[serde(skip_serializing_if = "Extra::is_empty")]
            pub extra: Extra,
        }
    };
}

evidence! {
    /// The customer's activity in your service.
    access_activity_log,
    /// The billing address.
    billing_address,
    /// A file with the cancellation policy.
    cancellation_policy,
    /// How the customer was shown the cancellation policy.
    cancellation_policy_disclosure,
    /// Why the subscription was not canceled.
    cancellation_rebuttal,
    /// A file with the messages of the customer.
    customer_communication,
    /// The customer's email address.
    customer_email_address,
    /// The customer's name.
    customer_name,
    /// The IP address of the purchase.
    customer_purchase_ip,
    /// A file with the customer's signature.
    customer_signature,
    /// A file about the charge that the customer calls a duplicate.
    duplicate_charge_documentation,
    /// Why the charge is no duplicate.
    duplicate_charge_explanation,
    /// The earlier charge, by its id.
    duplicate_charge_id,
    /// What was sold.
    product_description,
    /// A file with the receipt.
    receipt,
    /// A file with the refund policy.
    refund_policy,
    /// How the customer was shown the refund policy.
    refund_policy_disclosure,
    /// Why the customer gets no refund.
    refund_refusal_explanation,
    /// The day of the service.
    service_date,
    /// A file that shows the service.
    service_documentation,
    /// The shipping address.
    shipping_address,
    /// The carrier.
    shipping_carrier,
    /// The day of the shipment.
    shipping_date,
    /// A file that shows the shipment.
    shipping_documentation,
    /// The number of the shipment.
    shipping_tracking_number,
    /// Any other file.
    uncategorized_file,
    /// Any other text.
    uncategorized_text,
}

/// `update_dispute`: save evidence as a draft, or submit it to the bank.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateDispute {
    /// The evidence to save.
    #[serde(default)]
    pub evidence: Evidence,
    /// Whether the saved evidence goes to the bank now. It cannot be changed afterwards.
    pub submit: bool,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdateDispute {
    /// Evidence that stays a draft.
    pub fn draft(evidence: Evidence) -> Self {
        Self { evidence, submit: false, extra: Extra::default() }
    }

    /// Evidence that goes to the bank, with what was saved before.
    pub fn submitted(evidence: Evidence) -> Self {
        Self { submit: true, ..Self::draft(evidence) }
    }

    /// Checks the fields, and builds the request. Sending a draft twice is harmless.
    ///
    /// # Errors
    ///
    /// If a field breaks a rule.
    pub fn request(&self, dispute_id: &DisputeId, settings: &Settings) -> Result<Checked, Rejection> {
        #[derive(Serialize)]
        struct Update {
            #[serde(skip_serializing_if = "Option::is_none")]
            evidence: Option<Body>,
            submit: bool,
        }
        let mut violations = Violations::default();
        let has_evidence = self.evidence != Evidence::default();
        violations.check(has_evidence || self.submit, Rule::DisputeEvidenceGiven, "/evidence");
        let evidence = has_evidence.then(|| body(&self.evidence, &self.evidence.extra, None));
        let path = format!("/disputes/{}", escaped(dispute_id.as_str()));
        let update = body(&Update { evidence, submit: self.submit }, &self.extra, None);
        violations.finish(post(settings, &path, "dispute", update).alone(Retry::Goal))
    }
}

/// Which disputes of the account to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ListDisputes {
    /// Only disputes of this payment.
    pub payment_intent: Option<String>,
    /// Only disputes of this charge.
    pub charge: Option<String>,
    /// Only disputes with one of these statuses.
    pub statuses: Vec<String>,
    /// The number of disputes, from 1 to 100. Flex's default is 20.
    pub limit: Option<u8>,
    /// Only disputes after this one, by its id, for the next page.
    pub starting_after: Option<DisputeId>,
    /// Only disputes before this one, by its id, for the page before.
    pub ending_before: Option<DisputeId>,
}

impl ListDisputes {
    /// The request. Returns nothing if `limit` is not from 1 to 100.
    pub fn request(&self, settings: &Settings) -> Option<Request> {
        if self.limit.is_some_and(|it| !(1..=100).contains(&it)) {
            return None;
        }
        let limit = self.limit.map(|it| format!("{it}"));
        // Flex separates statuses by commas, which must not be escaped.
        let statuses: Vec<_> = self.statuses.iter().map(|it| escaped(it)).collect();
        let plain = |text: Option<&str>| text.map(|it| format!("{}", escaped(it)));
        let members = [
            ("payment_intent", plain(self.payment_intent.as_deref())),
            ("charge", plain(self.charge.as_deref())),
            ("statuses", (!statuses.is_empty()).then(|| statuses.join(","))),
            ("limit", limit),
            ("starting_after", plain(self.starting_after.as_ref().map(DisputeId::as_str))),
            ("ending_before", plain(self.ending_before.as_ref().map(DisputeId::as_str))),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let query = given.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        Some(Request::new("GET", format!("{}/v1/disputes{mark}{query}", settings.base_url()), CREDENTIAL))
    }
}

/// The disputes in the body of a reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Disputes {
    /// The disputes that can be read.
    pub disputes: Vec<ListedDispute>,
    /// Whether every dispute could be read. Otherwise look at the disputes in the Flex dashboard.
    pub complete: bool,
}

/// A dispute of the account. `find_disputes` has the subscription look up the disputes of its payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedDispute {
    /// The id of the dispute.
    pub dispute_id: DisputeId,
    /// The disputed payment.
    pub payment_intent_id: Option<String>,
    /// Your own reference.
    pub client_reference_id: Option<String>,
    /// The disputed amount, in cents.
    pub amount: Option<Cents>,
    /// The status.
    pub status: Option<DisputeStatus>,
    /// Until when the bank accepts evidence.
    pub evidence_due_at: Option<Timestamp>,
    /// How often evidence was submitted.
    pub submission_count: Option<i64>,
}

impl Disputes {
    /// Reads the body of a reply. Returns nothing if the body shows no list of disputes.
    pub fn read(body: &[u8]) -> Option<Self> {
        let read = listed::<DisputeObject>(body, "disputes")?;
        Some(Self { disputes: read.list.into_iter().map(Into::into).collect(), complete: read.complete })
    }
}

impl From<DisputeObject> for ListedDispute {
    fn from(it: DisputeObject) -> Self {
        let details = it.evidence_details.unwrap_or_default();
        Self {
            payment_intent_id: it.payment_intent().map(Into::into),
            dispute_id: it.dispute_id,
            client_reference_id: it.client_reference_id,
            amount: it.amount,
            status: it.status,
            evidence_due_at: details.due_by,
            submission_count: details.submission_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> DisputeId {
        DisputeId::parse("fdsp_1").unwrap()
    }

    #[test]
    fn a_draft_is_saved_and_then_submitted() {
        let evidence = Evidence { customer_name: Some("Ann".into()), receipt: Some("".into()), ..Evidence::default() };
        let draft = UpdateDispute::draft(evidence).request(&id(), &Settings::default()).unwrap().request;
        assert_eq!((draft.method, draft.url.as_str()), ("POST", "https://api.withflex.com/v1/disputes/fdsp_1"));
        let wanted = r#"{"dispute":{"evidence":{"customer_name":"Ann","receipt":""},"submit":false}}"#;
        assert_eq!(draft.body.as_deref(), Some(wanted));
        let sent = UpdateDispute::submitted(Evidence::default()).request(&id(), &Settings::default()).unwrap().request;
        assert_eq!(sent.body.as_deref(), Some(r#"{"dispute":{"submit":true}}"#));
        let nothing = UpdateDispute::draft(Evidence::default()).request(&id(), &Settings::default()).unwrap_err();
        assert_eq!(nothing.violations[0].rule.code, "flex.dispute.evidence-given");
    }

    #[test]
    fn the_disputes_of_an_account_are_listed_and_read() {
        let all = ListDisputes::default().request(&Settings::default()).unwrap();
        assert_eq!((all.method, all.url.as_str()), ("GET", "https://api.withflex.com/v1/disputes"));
        let statuses = ["needs_response".into(), "under_review".into()].into();
        let payment_intent = Some("fpi_1".into());
        let query = ListDisputes { payment_intent, statuses, limit: Some(100), ..all_of("fdsp_9") };
        let url = query.request(&Settings::default()).unwrap().url;
        let wanted = "payment_intent=fpi_1&statuses=needs_response,under_review&limit=100&starting_after=fdsp_9";
        assert_eq!(url.split_once('?').unwrap().1, wanted);
        assert!(ListDisputes { limit: Some(0), ..ListDisputes::default() }.request(&Settings::default()).is_none());
        let body = br#"{"disputes": [{"dispute_id": "fdsp_1", "payment_intent_id": "fpi_1", "amount": 4999,
            "status": "needs_response", "evidence_details": {"due_by": "2026-03-01T00:00:00Z", "submission_count": 0}},
            {"amount": 1}]}"#;
        let read = Disputes::read(body).unwrap();
        assert_eq!((read.disputes.len(), read.complete), (1, false));
        assert_eq!(read.disputes[0].payment_intent_id.as_deref(), Some("fpi_1"));
        assert_eq!(read.disputes[0].status, Some(DisputeStatus::NeedsResponse));
        assert!(Disputes::read(b"<html>").is_none());
    }

    fn all_of(after: &str) -> ListDisputes {
        ListDisputes { starting_after: DisputeId::parse(after).ok(), ..ListDisputes::default() }
    }
}
