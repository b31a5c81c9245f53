//! What Truemed remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::FEE_PERCENT;
use super::catalog::Item;
use super::qualify::Qualification;
use crate::time::{Millis, iso};

/// Truemed in one world.
#[derive(Debug, Default)]
pub(crate) struct Truemed {
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) requests: BTreeMap<String, Request>,
    pub(super) qualifications: BTreeMap<String, Qualification>,
    /// The items of the product catalog, by account and SKU.
    pub(super) catalog: BTreeMap<(String, String), Item>,
    /// The links that customers get, by the secret part of their address.
    pub(super) visits: BTreeMap<String, Visit>,
    /// How many objects there were, for the order of lists.
    pub(super) count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Processing,
    Captured,
    Authorized,
    Rejected,
    Canceled,
    AuthorizationVoided,
    AuthorizationExpired,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Captured => "captured",
            Self::Authorized => "authorized",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::AuthorizationVoided => "authorization_voided",
            Self::AuthorizationExpired => "authorization_expired",
        }
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) nth: u64,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) status: Status,
    /// The request that made it.
    pub(super) cart: Map<String, Value>,
    pub(super) items: Vec<Value>,
    pub(super) total: i64,
    pub(super) hold: bool,
    pub(super) tokenize: bool,
    pub(super) payment_token: Option<String>,
    pub(super) created: Millis,
    pub(super) authorized: Option<Millis>,
    pub(super) captured: Option<(Millis, i64)>,
    pub(super) refunds: Vec<Refund>,
    pub(super) disputes: Vec<Dispute>,
}

impl Session {
    pub(super) fn metadata(&self) -> Value {
        self.cart.get("metadata").cloned().unwrap_or_default()
    }

    pub(super) fn refunded(&self) -> i64 {
        self.refunds.iter().fold(0, |sum, refund| sum.saturating_add(refund.amount))
    }

    /// Truemed's fee for the captured amount.
    pub(super) fn fee(&self) -> i64 {
        self.captured.map_or(0, |(_, amount)| amount.saturating_mul(FEE_PERCENT).div_euclid(100))
    }

    /// The dispute that is open.
    pub(super) fn dispute(&mut self) -> Option<&mut Dispute> {
        self.disputes.iter_mut().find(|dispute| dispute.closed.is_none())
    }

    pub(super) fn disputed(&self) -> bool {
        self.disputes.iter().any(|dispute| dispute.closed.is_none())
    }

    /// What is left to refund.
    pub(super) fn refundable(&self) -> i64 {
        self.captured.map_or(0, |(_, amount)| amount.saturating_sub(self.refunded()))
    }
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) reason: String,
    pub(super) at: Millis,
}

/// The bank takes money back, and returns it when the dispute is closed.
#[derive(Debug)]
pub(super) struct Dispute {
    pub(super) amount: i64,
    pub(super) at: Millis,
    pub(super) closed: Option<Millis>,
}

#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) brand: &'static str,
    pub(super) last4: String,
    pub(super) month: i64,
    pub(super) year: i64,
    /// It is accepted on a page, and declined when the customer is absent.
    pub(super) declines_later: bool,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) nth: u64,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) created: Millis,
    pub(super) email: Value,
    pub(super) name: Value,
    pub(super) metadata: Value,
    pub(super) success_url: String,
    pub(super) failure_url: String,
    pub(super) letter_until: Millis,
    pub(super) card: Card,
    /// The items that are delivered now.
    pub(super) items: BTreeSet<String>,
    /// Every item that a letter covers.
    pub(super) covered: BTreeSet<String>,
    /// What the customer must do before the next charge: the link.
    pub(super) action: Option<String>,
    /// Truemed wants a new survey, for reasons of its own.
    pub(super) wants_survey: bool,
    pub(super) deleted: bool,
}

/// A request to provision or to update a token.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) metadata: Value,
    /// The token, once the request is done.
    pub(super) token: Option<String>,
    /// The token that is updated.
    pub(super) updates: Option<String>,
    pub(super) cart: Map<String, Value>,
    pub(super) items: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Pay a session.
    Session(String),
    /// Provision a token.
    Request(String),
    /// Check whether the customer qualifies.
    Qualification(String),
    /// Change a token: for an update's request, after a failed session, or both.
    Repair { token: String, request: Option<String>, failed: Option<String>, items: Vec<Value> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Survey,
    Card,
    Done,
    /// The merchant canceled the session, deleted the token or replaced the link.
    Closed,
}

/// One link of a customer.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) id: String,
    pub(super) purpose: Purpose,
    pub(super) step: Step,
    /// Whether a card is asked for after the survey.
    pub(super) wants_card: bool,
    /// What the survey said.
    pub(super) letter: bool,
    pub(super) success_url: String,
    pub(super) failure_url: String,
    pub(super) items: Vec<Value>,
    pub(super) total: Option<i64>,
    pub(super) next_bill: Value,
}

impl Visit {
    /// A link that begins with the survey, and asks for a card after it.
    pub(super) fn new(
        id: String,
        purpose: Purpose,
        (success_url, failure_url): (String, String),
        items: Vec<Value>,
    ) -> Self {
        Self {
            id,
            purpose,
            step: Step::Survey,
            wants_card: true,
            letter: false,
            success_url,
            failure_url,
            items,
            total: None,
            next_bill: Value::Null,
        }
    }
}

impl Truemed {
    pub(super) fn next_number(&mut self) -> u64 {
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// A session of this account.
    pub(super) fn session(&mut self, account: &str, id: &str) -> Option<&mut Session> {
        self.sessions.get_mut(id).filter(|session| session.account == account)
    }

    /// A qualification session of this account.
    pub(super) fn qualification(&mut self, account: &str, id: &str) -> Option<&mut Qualification> {
        self.qualifications.get_mut(id).filter(|session| session.account == account)
    }

    /// A token of this account that was not deleted.
    pub(super) fn token(&mut self, account: &str, id: &str) -> Option<&mut Token> {
        self.tokens.get_mut(id).filter(|token| token.account == account && !token.deleted)
    }

    /// Closes the link of an open action.
    pub(super) fn close(&mut self, visit: Option<&String>) {
        if let Some(visit) = visit.and_then(|id| self.visits.get_mut(id)).filter(|visit| visit.step != Step::Done) {
            visit.step = Step::Closed;
        }
    }

    pub(super) fn ledger(&self) -> Value {
        let session = |it: &Session| {
            json!({"id": it.id, "status": it.status.name(), "total_amount": it.total,
                "captured_amount": it.captured.map_or(0, |(_, amount)| amount), "refunded_amount": it.refunded(),
                "payment_token": it.payment_token, "idempotency_key": it.cart.get("idempotency_key"),
                "metadata": it.metadata(), "created_at": iso(it.created), "disputed": it.disputed()})
        };
        let token = |it: &Token| {
            json!({"payment_token": it.id, "deleted": it.deleted, "items": it.items, "covered": it.covered,
                "action_open": it.action.is_some(), "lmn_expires_at": iso(it.letter_until),
                "metadata": it.metadata})
        };
        let request = |it: &Request| {
            json!({"provision_token_request_id": it.id, "payment_token": it.token, "updates": it.updates,
                "metadata": it.metadata})
        };
        json!({
            "payment_sessions": self.sessions.values().map(session).collect::<Vec<_>>(),
            "payment_tokens": self.tokens.values().map(token).collect::<Vec<_>>(),
            "provision_token_requests": self.requests.values().map(request).collect::<Vec<_>>(),
            "catalog_items": self.catalog.iter().map(|((_, sku), item)| item.ledger(sku)).collect::<Vec<_>>(),
            "qualification_sessions": self.qualifications.values().map(Qualification::ledger).collect::<Vec<_>>(),
        })
    }
}
