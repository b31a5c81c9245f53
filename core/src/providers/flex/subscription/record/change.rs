//! A change of the plan: the items, the coupon or the end of the trial. It counts once Flex shows it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::SubscriptionRecord;
use super::invoices::Invoice;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SubscriptionObject;
use crate::providers::flex::api::request::UpdateSubscription;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::names::SignalName;
use crate::providers::flex::reports::{SoldItem, StoredItem};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::{Cx, Rules};
use crate::rule::{CoreRule, UnblockedBy};
use crate::time::Timestamp;

/// The values of `proration_behavior`. The documents print one of them.
const PRORATIONS: [&str; 3] = ["always_invoice", "create_prorations", "none"];

impl UpdateSubscription {
    /// Whether a subscription shows the requested items and the requested end of the trial. Nothing shows a coupon.
    pub(in crate::providers::flex) fn is_shown_by(&self, object: &SubscriptionObject) -> bool {
        let trial = self.trial_ends_at().is_none_or(|end| object.trial_end.value() == Some(&end));
        self.has_items(object).unwrap_or(self.items.is_none()) && trial
    }

    /// Whether a subscription has exactly the requested items; nothing if no items are requested or shown.
    fn has_items(&self, object: &SubscriptionObject) -> Option<bool> {
        let (mut wanted, mut shown) = (self.stored_items()?, object.stored_items()?);
        wanted.sort_unstable();
        shown.sort_unstable();
        Some(wanted == shown)
    }

    /// Whether a lookup can show that the change was not made.
    fn is_denied_by(&self, object: &SubscriptionObject) -> bool {
        let trial = self.trial_ends_at().is_some_and(|end| object.trial_end.value() != Some(&end));
        self.has_items(object) == Some(false) || trial
    }

    /// Whether a lookup can show that the change was made.
    const fn is_visible(&self) -> bool {
        self.items.is_some() || self.trial_end.is_some()
    }

    /// When the trial is to end.
    fn trial_ends_at(&self) -> Option<Timestamp> {
        Timestamp::parse_iso(self.trial_end.as_deref()?)
    }

    fn stored_items(&self) -> Option<Vec<StoredItem>> {
        let items = self.items.as_ref()?;
        Some(items.iter().map(|it| StoredItem::new(it.price.clone(), it.quantity.unwrap_or(1))).collect())
    }
}

impl SubscriptionRecord {
    /// Requests a change, in place of one that was not sent.
    pub(in super::super) fn change(&mut self, requested: UpdateSubscription, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        cx.withdraw_unsent(|call| is_change(call, &id));
        self.change = Some(Box::new(requested.clone()));
        cx.request(Call::ChangeSubscription(id, Box::new(requested)));
    }

    /// Whether the same change is requested, and its outcome is unknown.
    pub(in super::super) fn is_changing(&self, requested: &UpdateSubscription) -> bool {
        self.change.as_deref() == Some(requested)
    }

    /// The items that a change requests and that Flex has not shown.
    pub(in super::super) fn pending_items(&self) -> Option<Vec<SoldItem>> {
        StoredItem::shown(&self.change.as_ref()?.stored_items()?)
    }

    /// The items that Flex has shown, or that a change has set.
    pub(in super::super) fn items(&self) -> Option<Vec<SoldItem>> {
        StoredItem::shown(&self.items)
    }

    /// The items of a delivery. Those of an invoice from before a change are not known, because no invoice lists its items.
    pub(in super::super) fn items_of(&self, about: &str) -> Option<Vec<SoldItem>> {
        let invoice = InvoiceId::parse(about).ok();
        let made = invoice.and_then(|id| self.invoices.find(&id)).map(Invoice::made_by);
        let is_older = made.zip(self.items_since).is_some_and(|(made, since)| made < since);
        self.items().filter(|_| !is_older)
    }

    /// Flex shows the change, or a person has confirmed it.
    pub(in super::super) fn changed(&mut self, requested: &UpdateSubscription, cx: &Cx<'_>) {
        self.change.take_if(|it| **it == *requested);
        if let Some(items) = requested.stored_items() {
            self.items = StoredItem::bounded(items);
            self.items_since = Some(cx.now());
        }
    }

    /// A change was not made. A lookup shows how the subscription is.
    pub(in super::super) fn not_changed(&mut self, requested: &UpdateSubscription, cx: &mut Cx<'_>) {
        self.change.take_if(|it| **it == *requested);
        self.look_up(cx);
    }

    /// Ends a change whose outcome a lookup shows. Only the lookup of the outcome can deny the change.
    pub(super) fn settle_change(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let Some(requested) = self.change.as_deref().cloned().filter(UpdateSubscription::is_visible) else { return };
        let id = self.id.clone();
        let leased_at = cx.leased_at();
        let sent = cx.pending(|call| is_change(call, &id)).and_then(|it| it.first_at);
        if sent.is_none_or(|first| leased_at < first) {
            return;
        }
        let confirms = matches!(call, Call::ConfirmSubscription(_));
        if requested.is_shown_by(object) {
            cx.prove(|call| is_change(call, &id), None);
            self.changed(&requested, cx);
        } else if confirms && requested.is_denied_by(object) {
            if cx.deny(|call| is_change(call, &id)).is_some() {
                self.change = None;
            }
        } else if confirms {
            cx.look_again(|call| is_change(call, &id));
        }
    }

    /// Stores the items that a lookup shows, if it shows the price of each.
    pub(super) fn take_items(&mut self, object: &SubscriptionObject) {
        if let Some(items) = object.stored_items() {
            self.items = StoredItem::bounded(items);
        }
    }

    /// Checks a change of the plan against the state: a warning while it is unpaid or ends.
    pub(in super::super) fn check_change(&self, rules: &mut Rules<'_>) {
        rules
            .check(Rule::UpdateWhilePastDue, self.is_live())
            .unblocked_by(UnblockedBy::signal(SignalName::InvoicePaid.as_str()));
        rules.check(Rule::UpdateWhileEnding, !self.cancel_at_period_end && !self.has_flag(true));
    }
}

/// Whether the call changes the plan of this subscription.
pub(in super::super) fn is_change(call: &Call, of: &crate::providers::flex::ids::SubscriptionId) -> bool {
    matches!(call, Call::ChangeSubscription(id, _) if id == of)
}

/// Checks the contents of a change.
pub(in super::super) fn check_update(requested: &UpdateSubscription, rules: &mut Rules<'_>) {
    let changes = requested.changes();
    rules.check(Rule::UpdateChangesSomething, changes || requested.cancel_at_period_end.is_some());
    let is_one = !changes || requested.cancel_at_period_end.is_none();
    rules.check(Rule::UpdateEndXorPlan, is_one).at("/cancel_at_period_end");
    if let Some(items) = &requested.items {
        let named = !items.is_empty() && items.iter().all(|it| it.price.is_some());
        rules.check(Rule::UpdateItemPrice, named).at("/items");
        rules
            .check(Rule::CheckoutQuantityPositive, items.iter().all(|it| it.quantity.is_none_or(|it| it > 0)))
            .at("/items");
        let recurs = |price: &str| rules.settings().prices.get(price).is_none_or(|it| it.recurring.is_some());
        let all_recur = items.iter().filter_map(|it| it.price.as_deref()).all(recurs);
        rules.check(Rule::UpdateItemRecurring, all_recur).at("/items");
    }
    if requested.trial_end.is_some() {
        let in_time = requested.trial_ends_at().is_some_and(|end| end > rules.now());
        rules.check(Rule::UpdateTrialEndFuture, in_time).at("/trial_end");
    }
    let known = requested.proration_behavior.as_deref().is_none_or(|it| PRORATIONS.contains(&it));
    rules.check(Rule::UpdateProrationKnown, known).at("/proration_behavior");
    rules.check_extra::<UpdateSubscription>(&requested.extra);
}

/// Only one change can be under way. One that was not sent is replaced.
pub(in super::super) fn check_one_change(record: &SubscriptionRecord, rules: &mut Rules<'_>) {
    let sent = |call: &Call| is_change(call, &record.id);
    let reply = rules.sent(sent).then(|| rules.reply_to(sent)).flatten();
    rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
}
