//! A payment session: one checkout or charge, from its creation to its final status.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::call::{Call, Truemed};
use super::ids::PaymentSessionId;
use super::order::price_of;
use super::rules::Rule;
use super::session_request::{CreatePaymentSession, Kind};
use super::wire::{SessionCreated, SessionSeen, Status};
use crate::effect::Awaited;
use crate::flow::{Cx, Watch};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::time::Timestamp;

/// The signal that says how a session stands.
pub(crate) const SESSION_COMPLETE: &str = "payment_session_complete";

/// What was asked for when a session was created.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedAsked"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Asked {
    /// The host's name for the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The fingerprint of the cart; of everything that is asked for, in a flow of its own.
    pub cart: Digest,
    /// What it costs in all, in cents.
    pub total: Cents,
    /// What its items cost without charges and discounts, in cents.
    pub items: Cents,
    /// Whether the money is only held.
    #[serde(default)]
    pub authorization: bool,
    /// Whether a token is made or charged.
    #[serde(default)]
    pub of_a_token: bool,
    /// Whether the customer is present.
    pub attended: bool,
    /// The fingerprint of the metadata that must come back.
    pub metadata: Digest,
}

impl Asked {
    pub(crate) fn of(command: &CreatePaymentSession, cart: Digest, metadata: &str) -> Self {
        Self {
            intent: command.intent.clone(),
            cart,
            total: command.total_amount,
            items: i64::try_from(price_of(&command.order_items)).map_or(Cents::new(i64::MAX), Cents::new),
            authorization: command.kind == Some(Kind::Authorization),
            of_a_token: command.is_of_a_token(),
            attended: !command.is_charge(),
            metadata: Digest::of([metadata.as_bytes()]),
        }
    }
}

/// A session that Truemed knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedSession"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: PaymentSessionId,
    /// The highest status that was seen.
    pub status: Status,
    /// What was asked for; nothing is known of a session that began with a look-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Where the customer pays, exactly as Truemed gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// The largest captured amount that was seen, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Cents>,
    /// Whether two final statuses were seen that cannot both be true.
    #[serde(default)]
    pub contradicted: bool,
    /// What is held, in cents, where Truemed said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<Cents>,
    /// Whether a capture was ever asked for.
    #[serde(default)]
    pub capture_asked: bool,
    /// Whether Truemed accepted an end of it, whose outcome is still to show.
    #[serde(default)]
    pub ending: bool,
    /// A status that the documents do not list, never taken for a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
    /// The wait for its next status.
    pub watch: Watch,
}

impl Status {
    /// How far a session has come; a status only ever moves up, and money stands above everything.
    const fn rank(&self) -> u8 {
        match self {
            Self::Pending | Self::Unknown(_) => 0,
            Self::Processing => 1,
            Self::Authorized => 2,
            Self::Rejected | Self::Canceled | Self::AuthorizationVoided | Self::AuthorizationExpired => 3,
            Self::Captured => 4,
        }
    }

    /// Whether no other status may follow.
    pub const fn is_final(&self) -> bool {
        self.rank() >= 3
    }
}

impl Session {
    /// The session that an answer to `create_payment_session` names.
    pub(crate) fn created(reply: SessionCreated, asked: Asked, now: Timestamp) -> Self {
        Self { redirect_url: reply.redirect_url, ..Self::new(reply.id, Some(asked), now) }
    }

    /// A session of which only the id is known.
    pub(crate) const fn new(id: PaymentSessionId, asked: Option<Asked>, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Pending,
            asked,
            redirect_url: None,
            captured: None,
            contradicted: false,
            authorized: None,
            capture_asked: false,
            ending: false,
            unlisted: None,
            watch: Watch::new(now),
        }
    }

    /// What is awaited of it.
    pub(crate) fn awaited(&self) -> Option<Awaited> {
        let settled = self.status.is_final() || (self.status == Status::Authorized && !self.ending);
        if settled || self.watch.is_stopped() {
            return None;
        }
        let mut awaited = Awaited::new(SESSION_COMPLETE, self.watch.since());
        awaited.of = Some(self.id.as_str().into());
        if self.status == Status::Pending && !self.ending && self.asked.as_ref().is_some_and(|it| it.attended) {
            awaited.customer_at.clone_from(&self.redirect_url);
        }
        Some(awaited)
    }

    /// Plans the next look at it, or has a person look once the schedule is over.
    pub(crate) fn watch<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        if self.awaited().is_none() {
            cx.withdraw(|call| call.looks_at(&self.id));
        } else if !cx.look_up_on_schedule(Call::RetrievePaymentSession(self.id.clone()), &self.watch) {
            cx.review("no_signal", self.id.as_str(), &["keep_waiting", "stop_waiting"]);
        }
    }

    /// Takes in how it stands, from a webhook or a look-up; the order in which statuses come does not matter.
    pub(crate) fn see<F: Truemed>(&mut self, seen: &SessionSeen, cx: &mut Cx<'_, F>) {
        let held = seen.authorize_amount.or(seen.total_amount.filter(|_| seen.status == Status::Authorized));
        self.authorized = self.authorized.max(held);
        let whole = seen.total_amount.filter(|_| self.asked.is_none() && seen.status == Status::Captured);
        self.captured = self.captured.max(seen.capture_amount.or(whole));
        if let Status::Unknown(text) = &seen.status {
            self.unlisted = self.unlisted.take().max(Some(text.clone()));
        }
        let before = self.status.clone();
        let contradiction = before.is_final() && seen.status.is_final() && before != seen.status;
        self.status = core::cmp::max_by_key(before.clone(), seen.status.clone(), |it| (it.rank(), it.clone()));
        if !self.status.is_known() {
            self.status = before.clone();
        }
        if contradiction && !self.contradicted {
            self.contradicted = true;
            cx.review("contradiction", self.id.as_str(), &["seen"]);
        }
        if self.status != before {
            self.moved(cx);
        }
    }

    fn moved<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        let (id, attended) = (self.id.as_str(), self.asked.as_ref().is_some_and(|it| it.attended));
        if self.status == Status::Processing && attended {
            cx.notify("order_placed", id, None);
        }
        if self.status.is_final() {
            cx.withdraw_word("order_placed", id);
            cx.withdraw_word("rejected", id);
            cx.withdraw_word("no_signal", id);
        }
        if self.status == Status::Rejected {
            cx.withdraw_words(&["rejected"], |_| true);
            cx.notify("rejected", id, None);
        }
        // A session that began with a look-up was fulfilled by whoever created it.
        if self.status == Status::Captured && self.asked.is_some() {
            cx.fulfill(id);
        }
    }

    /// Holds a webhook against what the documents promise of it; this can only warn.
    pub(crate) fn check<F: Truemed>(&self, seen: &SessionSeen, cx: &mut Cx<'_, F>) {
        let Some(asked) = &self.asked else { return };
        let expired = seen.status == Status::AuthorizationExpired;
        cx.check(Rule::SessionExpiredOnlyAfterCapture, !expired || self.capture_asked).at("/status");
        let captured = seen.status == Status::Captured;
        let fits = if asked.authorization {
            captured || seen.capture_amount.is_none()
        } else {
            let equal = seen.authorize_amount.is_none() || seen.capture_amount == seen.authorize_amount;
            !captured || (seen.capture_amount.is_some() && equal)
        };
        cx.check(Rule::SessionCaptureAmountPresence, fits).at("/capture_amount");
        let token = seen.payment_token.is_none() || asked.of_a_token;
        cx.check(Rule::SessionTokenFieldPresence, token).at("/payment_token");
        let echoed = seen.metadata.as_ref().is_none_or(|it| Digest::of([it.as_bytes()]) == asked.metadata);
        cx.check(Rule::MetadataEchoMatch, echoed).at("/metadata");
    }
}
