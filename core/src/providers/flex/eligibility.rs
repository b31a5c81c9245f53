//! Predicts which items of a cart an HSA or FSA card can pay for. Flex decides, and the prediction can only warn.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use crate::config::flex::Eligibility;
use crate::int::whole;
use crate::money::Cents;

impl Eligibility {
    /// Whether an HSA or FSA card can pay for the item. An unknown value counts as not eligible.
    pub const fn is_eligible(&self) -> bool {
        !matches!(self, Self::NotEligible | Self::Unknown(_))
    }

    /// Whether the item needs a letter of medical necessity.
    pub const fn needs_letter(&self) -> bool {
        matches!(self, Self::LetterOfMedicalNecessity)
    }
}

/// One line of a cart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Line {
    /// The price of one piece, in cents.
    pub unit_amount: Cents,
    /// The number of pieces.
    #[serde(deserialize_with = "whole")]
    pub quantity: i64,
    /// The eligibility of the price. Without it, the eligibility of the product counts.
    #[serde(default)]
    pub price_eligibility: Option<Eligibility>,
    /// The eligibility of the product.
    #[serde(default)]
    pub product_eligibility: Option<Eligibility>,
}

impl Line {
    /// A line whose price has this eligibility.
    pub const fn new(unit_amount: Cents, quantity: i64, eligibility: Option<Eligibility>) -> Self {
        Self { unit_amount, quantity, price_eligibility: eligibility, product_eligibility: None }
    }

    /// The eligibility of the line: the price's, or else the product's. Without either the line is not eligible.
    pub fn eligibility(&self) -> &Eligibility {
        self.price_eligibility.as_ref().or(self.product_eligibility.as_ref()).unwrap_or(&Eligibility::NotEligible)
    }

    fn amount(&self) -> i128 {
        i128::from(self.unit_amount.get()).saturating_mul(i128::from(self.quantity))
    }
}

/// The totals and the predicted eligibility of a cart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Assessment {
    /// The total of all lines, in cents.
    pub subtotal: Cents,
    /// The total of the eligible lines, in cents.
    pub eligible_subtotal: Cents,
    /// Whether any line is eligible.
    pub hsa_fsa_eligible: bool,
    /// Whether an eligible line needs a letter of medical necessity. A letter on file may make another needless.
    pub letter_of_medical_necessity_required: bool,
    /// Whether only some lines are eligible. Flex then charges two payments for one order.
    pub split_cart: bool,
}

/// Predicts the totals and the eligibility of a cart.
///
/// ```
/// use rulebound::{flex::eligibility::{Eligibility, Line, assess}, money::Cents};
/// let gym = Line::new(Cents::new(4999), 1, Some(Eligibility::LetterOfMedicalNecessity));
/// let mug = Line::new(Cents::new(900), 2, None);
/// let cart = assess(&[gym, mug]);
/// assert_eq!((cart.eligible_subtotal, cart.subtotal), (Cents::new(4999), Cents::new(6799)));
/// assert!(cart.split_cart && cart.letter_of_medical_necessity_required);
/// ```
pub fn assess(lines: &[Line]) -> Assessment {
    let eligible: Vec<_> = lines.iter().filter(|it| it.eligibility().is_eligible()).collect();
    Assessment {
        subtotal: sum(lines.iter()),
        eligible_subtotal: sum(eligible.iter().copied()),
        hsa_fsa_eligible: !eligible.is_empty(),
        letter_of_medical_necessity_required: eligible.iter().any(|it| it.eligibility().needs_letter()),
        split_cart: !eligible.is_empty() && eligible.len() < lines.len(),
    }
}

fn sum<'a>(lines: impl Iterator<Item = &'a Line>) -> Cents {
    let total: i128 = lines.map(Line::amount).fold(0, i128::saturating_add);
    i64::try_from(total).map_or(Cents::ZERO, Cents::new)
}
