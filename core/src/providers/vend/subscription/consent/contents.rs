//! What a change is about, by the handles of its request. Its delivery lists them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::remember;
use super::token::RequestId;
use super::{Consent, REMEMBERED};
use crate::effect::{DeliveredItem, Delivery};
use crate::id::TypedId;
use crate::providers::vend::api::calls::TokenRequest;

/// The longest handle that is kept, and the most items. Of a longer change, nothing is kept.
const LONGEST: usize = 100;
const COUNTED: usize = 16;

/// The plan and the components of a change.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionContents"))]
#[serde(transparent)]
pub(super) struct Contents(Vec<Item>);

/// The handle of a product or of a component, and how many.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionItem"))]
struct Item(String, i64);

/// The contents of a change that the retailer has consented to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionConfirmed"))]
pub(super) struct Confirmed(RequestId, Contents);

impl Contents {
    /// The contents of a request, if they are short enough to be kept.
    pub(super) fn of(request: &TokenRequest) -> Self {
        let plan = request.product_handle.iter().map(|it| Item(it.clone(), 1));
        let parts = request.components.iter().flatten();
        let parts = parts.filter_map(|it| Some(Item(it.component_handle.clone()?, it.quantity?)));
        let all: Vec<_> = plan.chain(parts).collect();
        let is_short = all.len() <= COUNTED && all.iter().all(|it| it.0.len() <= LONGEST);
        if is_short { Self(all) } else { Self::default() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Consent {
    /// The retailer has consented to a change with these contents.
    pub(super) fn note_contents(&mut self, request: RequestId, contents: &Contents) {
        self.confirmed.retain(|it| it.0 != request);
        if !contents.is_empty() {
            remember(&mut self.confirmed, Confirmed(request, contents.clone()), REMEMBERED);
        }
    }

    /// What the delivery of a request is for: the plan by the handle of its product, and each component by its handle.
    pub(in super::super) fn delivery(&self, about: &TypedId) -> Delivery {
        let confirmed = self.confirmed.iter().find(|it| it.0.id().as_str() == about.as_str());
        let item = |it: &Item| DeliveredItem { id: Some(it.0.clone()), quantity: it.1 };
        Delivery { items: confirmed.map(|it| it.1.0.iter().map(item).collect()), ..Delivery::default() }
    }
}
