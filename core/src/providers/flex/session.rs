//! A checkout session: from its creation to its end, and what an answer about it must say.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::call::Call;
use super::eligibility::assess;
use super::ids::{CheckoutSessionId, CustomerId};
use super::item::Cart;
use super::rules::Rule;
use super::session_request::{CaptureMethod, CreateCheckoutSession, Mode};
use super::settings::Settings;
use super::signal::SESSION_COMPLETED;
use super::wire::{SessionSeen, Status};
use crate::effect::Awaited;
use crate::flow::{Cx, Watch};
use crate::id::Digest;
use crate::money::Cents;
use crate::time::Timestamp;

/// How many payments of a session are remembered.
const PAYMENTS: usize = 4;

/// The reviews of a session that nobody hears of: where its status is known, and where it is not.
pub(crate) const WAITS: [&str; 2] = ["no_signal", "unknown_status"];

/// What was asked for when a session was created.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexAsked"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Asked {
    /// The fingerprint of all of it.
    pub(crate) content: Digest,
    /// What the session is for.
    pub mode: Mode,
    /// The host's own total, or what its catalogue makes, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
    /// What the items cost, where every price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtotal: Option<Cents>,
    /// Whether something begins with a trial, or may: nothing is due then.
    #[serde(default)]
    trial: bool,
    /// Whether a card for health can pay and whether a letter is needed, where every item's eligibility is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted: Option<(bool, bool)>,
    /// Whether the money is only held.
    #[serde(default)]
    manual: bool,
    /// The customer, where the host names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
}

impl Asked {
    pub(crate) fn of(command: &CreateCheckoutSession, settings: &Settings) -> Self {
        let cart = Cart::new(&command.line_items, settings);
        let assessed = cart.lines().map(|lines| assess(&lines));
        Self {
            content: command.content(),
            mode: command.mode.clone(),
            total: command.order_total.or_else(|| command.computed_total(&cart)).filter(|_| command.mode.has_total()),
            subtotal: cart.subtotal().filter(|_| command.mode.has_total()),
            trial: command.may_be_free(&cart),
            predicted: assessed.map(|it| (it.hsa_fsa_eligible, it.letter_of_medical_necessity_required)),
            manual: command.capture_method == Some(CaptureMethod::Manual),
            customer: command.customer.as_ref().and_then(|it| CustomerId::parse(it).ok()),
        }
    }

    /// Whether nothing that a session shows differs from what was asked for.
    pub(crate) fn fits(&self, seen: &SessionSeen) -> bool {
        let free = self.trial && seen.amount_total == Some(Cents::ZERO);
        let total = free || self.total.is_none() || seen.amount_total.is_none() || self.total == seen.amount_total;
        let customer = seen.customer_id().is_none_or(|it| self.customer.as_ref().is_none_or(|have| *have == it));
        seen.mode.as_ref().is_none_or(|mode| *mode == self.mode) && total && customer
    }
}

/// A session that Flex knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSession"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: CheckoutSessionId,
    /// The highest status that was seen.
    pub status: Status,
    /// Whether this flow has asked for it; one that was adopted is never fulfilled.
    pub own: bool,
    /// Whether it is what was asked for, so that the customer may be sent to pay.
    pub sound: bool,
    /// Where the customer pays, exactly as Flex gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// From when on nobody can pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether its money is only held.
    #[serde(default)]
    pub manual: bool,
    /// Whether it is one of test mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_mode: Option<bool>,
    /// The ids of its payments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_intents: Vec<String>,
    /// A status that the documents do not list, never taken for a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
    /// Whether two final statuses were seen that cannot both be true.
    #[serde(default)]
    pub contradicted: bool,
    /// The wait for its end.
    pub watch: Watch,
}

impl Status {
    /// How far a session has come; a status only ever moves up, and money stands above everything.
    const fn rank(&self) -> u8 {
        match self {
            Self::Open | Self::Unknown(_) => 0,
            Self::Expired => 1,
            Self::Complete => 2,
        }
    }

    /// Whether no other status may follow.
    pub const fn is_final(&self) -> bool {
        self.rank() > 0
    }
}

impl Session {
    /// A session that is known by its id alone.
    pub(crate) fn new(id: CheckoutSessionId, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Open,
            own: false,
            sound: false,
            redirect_url: None,
            expires_at: None,
            manual: false,
            test_mode: None,
            payment_intents: Vec::new(),
            unlisted: None,
            contradicted: false,
            watch: Watch::new(now),
        }
    }

    /// The session that answers what was asked for, held against it.
    pub(crate) fn answering<F: Flex>(seen: &SessionSeen, asked: &Asked, reference: &str, cx: &mut Cx<'_, F>) -> Self {
        let mut it = Self::new(seen.checkout_session_id.clone(), cx.now());
        it.own = true;
        it.manual = asked.manual;
        it.sound = is_sound(seen, asked, reference, cx);
        let attended = asked.mode != Mode::OffSession && seen.status == Some(Status::Open);
        cx.check(Rule::CheckoutHasRedirect, !attended || seen.address().is_some()).at("/checkout_session/redirect_url");
        check_amounts(seen, asked, cx);
        it
    }

    /// Takes in what does not change with its status.
    pub(crate) fn describe<F: Flex>(&mut self, seen: &SessionSeen, cx: &mut Cx<'_, F>) {
        let of_flow = seen.mode.as_ref().is_none_or(|mode| (*mode == Mode::Subscription) == F::SUBSCRIBES);
        cx.check(Rule::CheckoutModeMatches, of_flow).at("/checkout_session/mode");
        // A key of one mode never shows what is of the other: whatever this is, it is not what was asked for.
        let of_mode = self.is_in_mode(seen, cx);
        cx.check(Rule::CheckoutModeMatches, of_mode).at("/checkout_session/test_mode");
        self.sound &= of_flow && of_mode;
        if self.redirect_url.is_none() {
            self.redirect_url = seen.address().cloned();
        }
        self.expires_at = self.expires_at.or(seen.expires_at);
        self.test_mode = self.test_mode.or(seen.test_mode.plain().filter(|_| of_mode));
        self.manual |= seen.capture_method == Some(CaptureMethod::Manual);
        for id in seen.payment_intents() {
            if let Err(index) = self.payment_intents.binary_search_by(|have| have.as_str().cmp(id))
                && self.payment_intents.len() < PAYMENTS
            {
                self.payment_intents.insert(index, id.into());
                cx.learn(id);
            }
        }
    }

    /// Whether what is seen of it may be of its mode.
    pub(crate) fn is_in_mode<F: Flex>(&self, seen: &SessionSeen, cx: &Cx<'_, F>) -> bool {
        seen.test_mode.is_of(cx.settings(), self.test_mode)
    }

    /// Takes in a status that a look of our own shows.
    pub(crate) fn shows<F: Flex>(&mut self, status: Option<&Status>, cx: &mut Cx<'_, F>) {
        let text = match status {
            Some(Status::Unknown(text)) => Some(text.clone()),
            Some(_) => None,
            None => return,
        };
        cx.check(Rule::CheckoutStatusKnown, text.is_none()).at("/checkout_session/status");
        if text != self.unlisted {
            self.unlisted = text;
            cx.withdraw_words(&WAITS, |of| of == self.id.as_str());
        }
    }

    /// Moves it to a status, up its rank; two that contradict each other keep the higher and owe a review.
    pub(crate) fn stands<F: Flex>(&mut self, status: &Status, cx: &mut Cx<'_, F>) {
        if self.status.is_final() && status.is_final() && self.status != *status && !self.contradicted {
            self.contradicted = true;
            cx.review("contradiction", self.id.as_str(), &["seen"]);
        }
        if status.rank() > self.status.rank() {
            self.status = status.clone();
        }
        if self.status.is_final() {
            self.redirect_url = None;
        }
    }

    /// Where the customer pays now, if he can.
    fn customer_at(&self, now: Timestamp) -> Option<&String> {
        let open = self.status == Status::Open && self.unlisted.is_none() && self.sound;
        let in_time = self.expires_at.is_none_or(|end| !end.is_over(now));
        self.redirect_url.as_ref().filter(|_| open && in_time)
    }

    /// What is awaited of it; the customer is sent to the one that is offered.
    pub(crate) fn awaited(&self, offered: bool, now: Timestamp) -> Option<Awaited> {
        if self.status.is_final() || self.watch.is_stopped() {
            return None;
        }
        let mut wait = Awaited::new(SESSION_COMPLETED, self.watch.since());
        wait.of = Some(self.id.as_str().into());
        wait.by = self.expires_at;
        wait.customer_at = self.customer_at(now).filter(|_| offered).cloned();
        Some(wait)
    }

    /// Plans the next look at it, and has a person look once the schedule is over.
    pub(crate) fn watch<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        let (look_up, id) = (Call::RetrieveCheckoutSession(self.id.clone()), self.id.as_str());
        if self.status.is_final() || self.watch.is_stopped() {
            cx.withdraw(|call| *call == look_up);
            cx.withdraw_words(&WAITS, |of| of == id);
            return;
        }
        let [no_signal, unknown_status] = WAITS;
        match &self.unlisted {
            None => cx.watch(look_up, &self.watch, no_signal, id, &["keep_waiting", "stop_waiting"]),
            // A person may know what it means; what a subscription's session has made only Flex can tell.
            Some(_) if F::SUBSCRIBES => cx.watch(look_up, &self.watch, unknown_status, id, &["ended", "keep_waiting"]),
            Some(_) => cx.watch(look_up, &self.watch, unknown_status, id, &["complete", "ended", "keep_waiting"]),
        }
    }

    /// A person said what has become of it.
    pub(crate) fn ends<F: Flex>(&mut self, status: Status, cx: &mut Cx<'_, F>) {
        self.stands(&status, cx);
        self.watch(cx);
    }

    /// A person wants to wait on: the schedule begins anew.
    pub(crate) fn waits_on<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        let look_up = Call::RetrieveCheckoutSession(self.id.clone());
        if !cx.in_hand(|call| *call == look_up) {
            cx.withdraw(|call| *call == look_up);
        }
        self.watch = Watch::new(cx.now());
        self.watch(cx);
    }
}

/// Whether a session is what was asked for: nobody is sent to pay one that is not.
fn is_sound<F: Flex>(seen: &SessionSeen, asked: &Asked, reference: &str, cx: &mut Cx<'_, F>) -> bool {
    let later = seen.created_at.is_none_or(|made| seen.expires_at.is_none_or(|end| end > made));
    cx.check(Rule::CheckoutExpiresAfterCreated, later).at("/checkout_session/expires_at");
    let same = seen.mode.as_ref().is_none_or(|mode| *mode == asked.mode)
        && seen.client_reference_id.as_deref().is_none_or(|have| have == reference);
    cx.check(Rule::CheckoutModeMatches, same).at("/checkout_session");
    let free = asked.trial && seen.amount_total == Some(Cents::ZERO);
    let equal = free || asked.total.is_none_or(|total| seen.amount_total == Some(total));
    cx.check(Rule::CheckoutAmountEqualsOrder, equal).at("/checkout_session/amount_total").because(|| {
        let all = |amount: Option<Cents>| amount.map_or_else(|| "nothing".into(), |it| format!("{it}"));
        format!("It is {}, and the order's is {}.", all(seen.amount_total), all(asked.total))
    });
    later && same && equal
}

/// Holds a new session's amounts and eligibility against what was asked for; this can only warn.
fn check_amounts<F: Flex>(seen: &SessionSeen, asked: &Asked, cx: &mut Cx<'_, F>) {
    let adds_up = asked.subtotal.is_none() || seen.amount_subtotal.is_none() || seen.amount_subtotal == asked.subtotal;
    cx.check(Rule::CheckoutAmountSubtotalSum, adds_up).at("/checkout_session/amount_subtotal");
    if let (Some(subtotal), Some(total), false) = (seen.amount_subtotal, seen.amount_total, asked.trial) {
        let details = seen.total_details.clone().unwrap_or_default();
        let fees = seen.fees.iter().flatten().filter(|fee| fee.applied != Some(false));
        let fees = fees.fold(Cents::ZERO, |sum, fee| sum.plus(fee.amount.unwrap_or_default()));
        let [off, tax, shipping] =
            [details.amount_discount, details.amount_tax, details.amount_shipping].map(Option::unwrap_or_default);
        let parts = subtotal.minus(off).plus(tax).plus(shipping).plus(fees);
        cx.check(Rule::CheckoutAmountTotalConsistent, parts == total).at("/checkout_session/amount_total");
    }
    if let Some((eligible, letter)) = asked.predicted {
        let same = seen.hsa_fsa_eligible.is_none_or(|it| it == eligible);
        // A letter on file may make another needless, and none makes one needed.
        let needed = seen.letter_of_medical_necessity_required != Some(true) || letter;
        cx.check(Rule::CheckoutEligibilityDerivation, same && needed).at("/checkout_session/hsa_fsa_eligible");
    }
}

/// Holds a session against what is true of every one; this can only warn.
pub(crate) fn check_seen<F: Flex>(seen: &SessionSeen, cx: &mut Cx<'_, F>) {
    let open = seen.status == Some(Status::Open);
    let results = [&seen.subscription, &seen.invoice];
    let result = results.into_iter().flatten().any(super::wire::Expandable::is_there);
    cx.check(Rule::CheckoutOpenHasNoResult, !open || !result).at("/checkout_session");
    let letter = seen.letter_of_medical_necessity_required == Some(true);
    let implied = !letter || seen.hsa_fsa_eligible != Some(false);
    cx.check(Rule::CheckoutLetterImpliesEligible, implied).at("/checkout_session/hsa_fsa_eligible");
    let details = seen.total_details.clone().unwrap_or_default();
    let of_parts = [details.amount_discount, details.amount_tax, details.amount_shipping];
    let of_session = [seen.amount_total, seen.amount_subtotal, seen.amount_received, seen.amount_refunded];
    let negative = of_parts.into_iter().chain(of_session).flatten().any(|it| it < Cents::ZERO);
    let beyond = seen.amount_received.is_some_and(|received| seen.amount_refunded.is_some_and(|it| it > received));
    cx.check(Rule::CheckoutAmountsNonnegative, !negative && !beyond).at("/checkout_session");
}
