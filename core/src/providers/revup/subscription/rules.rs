//! The rules about the actions of a subscription: which state and which contents they need.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::command::{Action, Command};
use super::ledger::{HasFailed, Room};
use super::status::SubscriptionState;
use super::{Rules, Subscription};
use crate::flow::Named;
use crate::id::{Key, shown};
use crate::json::listed;
use crate::providers::revup::amount::{Decimal, is_currency, places_of, why_no_currency};
use crate::providers::revup::api::calls::{Call, CreateSubscription, RedirectUrl, RefundPayment};
use crate::providers::revup::ids::{OrderId, Token, TransactionId, is_uuid};
use crate::providers::revup::names::{Review, SignalName};
use crate::providers::revup::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};
use crate::url::{is_absolute, is_secure, why_not_secure};

/// The most characters of `cancellationDetail`.
const DETAIL: usize = 25;

impl Subscription {
    /// Checks an action, and again when its request is leased.
    pub(super) fn check_permitted(&self, action: Action, rules: &mut Rules<'_>) {
        let state = self.status.state();
        check_server(rules);
        match action {
            Action::Create | Action::Retrieve => {}
            Action::RetrievePayments => {
                self.check_known(rules);
                if state.is_known() {
                    // A refund needs the amount of its payment, whatever became of the subscription since.
                    let may_have_payments = state == SubscriptionState::Fulfilled || self.has_paid();
                    rules
                        .check(CoreRule::NotNow, may_have_payments)
                        .unblocked_by(UnblockedBy::signal(SignalName::Created.as_str()));
                }
            }
            Action::Cancel => {
                self.check_known(rules);
                self.check_ours(rules);
                rules.check(Rule::CancelNotWhenTerminal, !state.is_final());
            }
            Action::Refund => {
                self.check_known(rules);
                self.check_ours(rules);
                self.check_no_sign_of_refund(rules);
                self.check_restored(rules);
                self.check_no_open_dispute(rules);
                if state.is_known() {
                    let is_awaiting = state == SubscriptionState::Awaiting;
                    let created = is_awaiting.then_some(UnblockedBy::signal(SignalName::Created.as_str()));
                    rules
                        .check(Rule::RefundCurrency, self.has_paid())
                        .at("/transactionId")
                        .unblocked_by(created)
                        .because(|| format!("The subscription is `{}`, and no payment has succeeded.", state.name()));
                }
            }
        }
    }

    /// Checks what a new command needs in addition.
    pub(super) fn check_accepted(&self, action: Action, rules: &mut Rules<'_>) {
        match action {
            Action::Create => self.check_create(rules),
            Action::Retrieve if self.status.state() == SubscriptionState::Requested => self.check_known(rules),
            Action::Refund if self.status.state().is_known() && self.has_paid() => {
                rules
                    .check(Rule::RefundCeiling, self.ledger.has_room())
                    .unblocked_by(UnblockedBy::action(Action::RetrievePayments.as_str()))
                    .because(|| match self.ledger.knows_a_payment() {
                        true => "As far as is known, nothing of any payment can still be refunded.".into(),
                        false => "No lookup and no event has shown the amount of a payment.".into(),
                    });
            }
            _ => {}
        }
    }

    /// Checks the contents of a command.
    pub(super) fn check_command(&self, command: &Command, rules: &mut Rules<'_>) {
        match command {
            Command::CreateSubscription(request) => {
                check_plan(request, rules);
                check_parents(request, rules);
                check_order_fields(request, rules);
                check_urls(request, rules);
                check_initial_amount(request, rules);
                rules.check_extra::<CreateSubscription>(&request.extra);
            }
            Command::RetrieveSubscription { subscription_id: given } => {
                let (given, known) = (given.as_ref(), self.status.id());
                let is_same = given.is_none() || known.is_none() || given == known;
                // In the state `Requested`, `check_accepted` has already rejected the command.
                let is_requested = self.status.state() == SubscriptionState::Requested;
                let has_id = given.is_some() || known.is_some() || is_requested;
                rules.check(CoreRule::NothingKnown, has_id).at("/subscriptionId");
                rules.check(CoreRule::UnknownId, is_same).at("/subscriptionId");
            }
            Command::RetrievePayments {} => {}
            Command::CancelSubscription { cancellation_detail: detail } => {
                let is_short = detail.as_ref().is_none_or(|text| text.chars().count() <= DETAIL);
                rules.check(Rule::CancelDetailMax25, is_short).at("/cancellationDetail");
            }
            Command::RefundPayment(refund) => self.check_refund(refund, rules),
        }
    }

    fn check_refund(&self, refund: &RefundPayment, rules: &mut Rules<'_>) {
        let known = self.ledger.currency(&refund.transaction_id).or(self.terms.currency());
        let is_same = known.is_none_or(|currency| currency.eq_ignore_ascii_case(&refund.currency));
        let currency = refund.currency.as_str();
        rules.check(Rule::RefundCurrency, is_same && is_currency(currency)).at("/currency").because(|| match known {
            Some(known) => format!("`currency` is {}, and the payment is in `{known}`.", shown(currency)),
            None => why_no_currency(currency),
        });
        let amount = refund.amount.decimal();
        rules.check(Rule::RefundAmountDecimal, amount.is_some()).at("/amount");
        let places = places_of(&refund.currency);
        let fits = amount.filter(|it| !it.is_negative() && !it.is_zero() && it.places() <= places);
        rules.check(Rule::RefundAmount, fits.is_some() || amount.is_none()).at("/amount");
        rules.check_extra::<RefundPayment>(&refund.extra);
        rules.check(CoreRule::IntentRequired, refund.intent.is_some()).at("/intent");
        if let Some(intent) = &refund.intent {
            self.refunds.status_of(intent, refund).check(Rule::RefundIntentUnique, rules);
        }
        let failed = self.ledger.failed(&refund.transaction_id);
        let check = rules.check(Rule::RefundOnlySuccessfulPayment, failed != Some(HasFailed::Surely));
        check.at("/transactionId").because(|| "This transaction failed, so it took no money.".into());
        let check = rules.warn(Rule::RefundOnlySuccessfulPayment, failed != Some(HasFailed::Probably));
        check.at("/transactionId").because(|| "Another transaction of this payment is the last one.".into());
        let amount = amount.filter(|_| failed != Some(HasFailed::Surely));
        // Without room in any payment, `check_accepted` has rejected the command already.
        let may_fit = self.status.state().is_known() && self.has_paid() && self.ledger.has_room();
        if let Some(amount) = amount.filter(|_| may_fit) {
            self.check_room(refund, amount, rules);
        }
    }

    /// Whether the subscription may have been paid. For a canceled one, only Revup knows.
    fn has_paid(&self) -> bool {
        self.payment.is_accepted() || self.status.state() == SubscriptionState::Cancelled
    }

    /// Checks that Revup knows the subscription, and that its id is known.
    fn check_known(&self, rules: &mut Rules<'_>) {
        let unblocked_by = match self.status.state() {
            SubscriptionState::Absent => Some(UnblockedBy::action(Action::Create.as_str())),
            SubscriptionState::Requested | SubscriptionState::Adopting | SubscriptionState::Attested => {
                rules.reply_to(|call| call.is_create() || call.is_status_lookup())
            }
            _ => return,
        };
        rules.check(CoreRule::NotNow, false).unblocked_by(unblocked_by);
    }

    /// Checks that nobody has to say first whether the subscription is ours.
    fn check_ours(&self, rules: &mut Rules<'_>) {
        let review = rules.open_review(Review::OrderMismatch.as_str()).filter(|_| self.status.is_withheld());
        rules.check(CoreRule::NotNow, review.is_none()).unblocked_by(review.map(UnblockedBy::reply));
    }

    /// Checks before a refund is sent that no message may show an earlier refund that ended as not done.
    fn check_no_sign_of_refund(&self, rules: &mut Rules<'_>) {
        let is_refund = |call: &Call| matches!(call, Call::RefundPayment(_));
        if rules.is_lease() && (self.refunds.has_denied() || rules.ended_undone(is_refund)) && !rules.is_resend() {
            let reply = rules.reply_to(|call| matches!(call, Call::FindTransactions(_)));
            rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
        }
    }

    /// Checks before a refund is sent that a row from a backup has seen the list of the order.
    fn check_restored(&self, rules: &mut Rules<'_>) {
        if !rules.is_lease() || rules.is_resend() {
            return;
        }
        let Some(intent) = self.refunds.unchecked(rules) else { return };
        let is_lookup = |call: &Call| call.is_refund_lookup(intent.as_str());
        let unblocked_by = rules.lookup_or_review(is_lookup, Review::RefundBeforeRestore.as_str());
        rules.check(Rule::RefundAfterRestore, false).unblocked_by(unblocked_by);
    }

    /// Checks that a person has looked at every dispute. The bank may give back the same money.
    fn check_no_open_dispute(&self, rules: &mut Rules<'_>) {
        let review = rules.open_review(Review::Disputed.as_str());
        rules.check(Rule::DisputeNoRefund, review.is_none()).unblocked_by(review.map(UnblockedBy::reply));
    }

    fn check_create(&self, rules: &mut Rules<'_>) {
        match self.status.state() {
            SubscriptionState::Absent => {
                // An event or a late reply names a subscription on our order. A person has to say whether it is ours.
                let review = rules.open_review(Review::MadeAfterAll.as_str());
                let is_free = review.is_none() && !self.status.is_named();
                rules.check(Rule::CreateNoBlindRetry, is_free).unblocked_by(review.map(UnblockedBy::reply));
                return;
            }
            // The request was sent, and has no reply yet.
            SubscriptionState::Requested if rules.pending(Call::is_create).is_none_or(|it| it.sent) => {
                rules.check(Rule::CreateNoBlindRetry, false);
            }
            SubscriptionState::Archived => {
                rules.check(Rule::InitialPaymentNoRetry, false);
            }
            _ => {}
        }
        if self.terms.is_on_token() {
            rules.check(Rule::TokenOneSubscription, false).at("/tokenId").because(|| {
                let made = self.status.id().map_or_else(|| "one".into(), |id| format!("`{}`", id.as_str()));
                format!("The token of this flow has made {made}. Let the customer pay an order for another token.")
            });
        }
        rules.check(CoreRule::AlreadyStarted, false);
    }

    /// Checks that the refunds of a payment add up to at most its amount.
    fn check_room(&self, refund: &RefundPayment, amount: Decimal, rules: &mut Rules<'_>) {
        let room = self.ledger.room(&refund.transaction_id, amount);
        let check = rules.check(Rule::RefundCeiling, room == Room::Enough).at("/amount");
        let lookup = UnblockedBy::action(Action::RetrievePayments.as_str());
        let currency = &refund.currency;
        let asked = || format!("The refund asks for {} {currency}", refund.amount);
        let _ = match room {
            Room::Enough => check,
            Room::Short { left, proved: true } => {
                check.because(|| format!("{}, but {left} {currency} of the payment can still be refunded.", asked()))
            }
            Room::Short { left, proved: false } => check
                .because(|| format!("{}, but as far as is known {left} {currency} can still be refunded.", asked()))
                .unblocked_by(lookup),
            Room::Unknown => check
                .because(|| format!("{}, but no lookup and no event has shown the amount of this payment.", asked()))
                .unblocked_by(lookup),
            Room::Forgotten => {
                let detail = "The amount is unknown, because this payment is not one of the newest 128 that are kept.";
                check.because(|| format!("{}. {detail}", asked())).unblocked_by(lookup)
            }
        };
    }
}

/// Checks that the config names a server.
fn check_server(rules: &mut Rules<'_>) {
    let settings = rules.settings();
    let (is_chosen, cure) = (settings.base_url().is_some(), settings.cure());
    rules.check(Rule::UrlServerChosen, is_chosen).because(|| cure.into());
}

fn check_plan(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let plan = command.plan_id.as_deref();
    rules.check(Rule::CreatePlanIdRequired, plan.is_some_and(is_uuid)).at("/planId");
    let currency = command.currency.as_deref().unwrap_or_default();
    let is_allowed = is_currency(currency) && rules.settings().allows(plan, currency);
    let settings = rules.settings();
    rules.check(Rule::CreateCurrencyRequired, is_allowed).at("/currency").because(|| match settings.currencies(plan) {
        Some(all) if is_currency(currency) => {
            let all: Vec<_> = all.iter().map(String::as_str).collect();
            format!("`currency` is `{currency}`, and `config.revup.plans` has {} for this plan.", listed(&all))
        }
        _ => why_no_currency(currency),
    });
}

/// Checks that the three ids of a token come together, and that the token is the key.
fn check_parents(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let ids = [
        ("/tokenId", command.token_id.as_ref().map(Token::as_str)),
        ("/parentTransactionId", command.parent_transaction_id.as_ref().map(TransactionId::as_str)),
        ("/parentOrderId", command.parent_order_id.as_ref().map(OrderId::as_str)),
    ];
    if !command.is_on_token() {
        return;
    }
    let missing: Vec<_> = ids.iter().filter(|(_, id)| id.is_none()).map(|(pointer, _)| *pointer).collect();
    rules
        .check(Rule::CreateTokenFieldsRequired, missing.is_empty())
        .at(missing.first().copied().unwrap_or_default())
        .because(|| format!("Missing: {}.", missing.join(", ").replace('/', "")));
    for (pointer, id) in ids.iter().filter_map(|(pointer, id)| id.map(|id| (*pointer, id))) {
        rules.check(Rule::CreateTokenFieldsUuid, is_uuid(id)).at(pointer);
    }
    let Some(token) = &command.token_id else { return };
    let key = Key::of("revup.token", token.as_str());
    let own = rules.key();
    rules.check(Rule::TokenOneSubscription, *own == key).at("/tokenId").because(|| {
        format!(
            "This snapshot has the key `{own}`. Start the one of this token under the key `{key}`, which `key_for` gives \
             for `revup.token` and the token's id."
        )
    });
}

fn check_order_fields(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let fields = [
        ("/money", command.money.is_some()),
        ("/generateToken", command.generate_token.is_some()),
        ("/notificationUrl", command.notification_url.is_some()),
    ];
    for (pointer, is_given) in fields {
        rules.check(Rule::CreateNoOrderFields, !is_given).at(pointer);
    }
    let is_absent = command.payment_details.is_none();
    if !command.is_on_token() {
        rules.check(Rule::CreateNoOrderFields, is_absent).at("/paymentDetails");
    } else {
        // The documents say that a token does not need the field. They do not forbid it.
        rules.warn(Rule::CreateNoOrderFields, is_absent).at("/paymentDetails");
        rules.check(Rule::CreateToken3dsFieldsUnneeded, command.three_ds_support.is_none()).at("/threeDSSupport");
        let result = command.redirect_url.as_ref().and_then(|it| it.three_ds_challenge_result.as_ref());
        rules.check(Rule::CreateToken3dsFieldsUnneeded, result.is_none()).at("/redirectUrl/threeDSChallengeResult");
    }
}

fn check_urls(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let events = command.event_subscription_url.as_deref().unwrap_or_default();
    let why = || why_not_secure("/eventSubscriptionUrl", Some(events));
    rules.check(Rule::CreateEventUrlRequired, is_absolute(events)).at("/eventSubscriptionUrl").because(why);
    let is_insecure = is_absolute(events) && !is_secure(events);
    rules.warn(Rule::CreateEventUrlRequired, !is_insecure).at("/eventSubscriptionUrl").because(why);
    let none = RedirectUrl::default();
    let pages = command.redirect_url.as_ref().unwrap_or(&none);
    for (pointer, page) in [("/redirectUrl/success", &pages.success), ("/redirectUrl/fail", &pages.fail)] {
        let is_absolute = page.as_deref().is_some_and(is_absolute);
        rules
            .check(Rule::CreateRedirectUrls, is_absolute)
            .at(pointer)
            .because(|| why_not_secure(pointer, page.as_deref()));
    }
}

fn check_initial_amount(command: &CreateSubscription, rules: &mut Rules<'_>) {
    const POINTER: &str = "/overwrite/initialAmount";
    let Some(amount) = command.overwrite.as_ref().and_then(|it| it.initial_amount.as_ref()) else { return };
    let value = amount.decimal();
    rules.check(Rule::CreateInitialAmountDecimal, value.is_some()).at(POINTER);
    let places = places_of(command.currency.as_deref().unwrap_or_default());
    let fits = value.is_none_or(|it| !it.is_negative() && it.places() <= places);
    rules.check(Rule::CreateInitialAmount, fits).at(POINTER);
    rules
        .warn(Rule::CreateInitialAmount, value.is_none_or(|it| !it.is_zero()))
        .at(POINTER)
        .because(|| "The first charge would be 0.".into());
}
