//! The cart of a session: its lines, discounts and amounts.

use serde_json::{Map, Value, json};

use super::catalog::{price, sellable};
use super::errors::{invalid, missing};
use super::period::Interval;
use super::state::{Amounts, Coupon, Discount, Flex, Line, Mode};
use super::store::{Head, cents, given, text};
use crate::provider::Reply;
use crate::time::{DAY, Millis};
use crate::world::Context;

/// The lines of a request. Inline prices are made.
pub(super) fn lines(
    flex: &mut Flex,
    body: &Map<String, Value>,
    mode: Mode,
    account: &str,
    context: &mut Context<'_>,
) -> Result<Vec<Line>, Reply> {
    let list = body.get("line_items").and_then(Value::as_array).cloned().unwrap_or_default();
    if mode == Mode::Setup {
        let message = "A session in setup mode cannot have line_items.";
        let refused = || invalid("line_items", "value_error", "flex.checkout.setup-no-line-items", message);
        return if list.is_empty() { Ok(Vec::new()) } else { Err(refused()) };
    }
    if list.is_empty() {
        let message = "A checkout session must have line_items.";
        return Err(missing("line_items", "flex.checkout.line-items-required", message));
    }
    list.iter().map(|item| line(flex, item, mode, account, context)).collect()
}

fn line(flex: &mut Flex, item: &Value, mode: Mode, account: &str, context: &mut Context<'_>) -> Result<Line, Reply> {
    let none = Map::new();
    let members = item.as_object().unwrap_or(&none);
    let quantity = given(members, "quantity").map_or(Some(1), Value::as_i64);
    let Some(quantity) = quantity.filter(|quantity| (1..=1_000_000).contains(quantity)) else {
        let message = "quantity must be a whole number, 1 or more.";
        return Err(invalid("quantity", "value_error", "flex.checkout.quantity-positive", message));
    };
    let id = Head::new("fli", "", account, context).id;
    if mode == Mode::Reimbursement {
        let product = text(members, "product").unwrap_or_default();
        let product = flex.products.of(account, product)?;
        let member = |name: &str| product.body.get(name).cloned().unwrap_or_default();
        let (eligibility, description, product) =
            (member("hsa_fsa_eligibility"), member("name"), product.head.id.clone());
        let (unit, interval, trial_days) = (0, None, None);
        return Ok(Line { id, price: None, product, description, unit, quantity, eligibility, interval, trial_days });
    }
    let (named, inline) = (text(members, "price"), given(members, "price_data").and_then(Value::as_object));
    let named = match (named, inline) {
        (Some(named), None) => named.to_owned(),
        (None, Some(inline)) => price(flex, inline, account, context)?,
        _ => {
            let message = "A line item must have exactly one of price and price_data.";
            return Err(missing("price", "flex.checkout.line-item-one-source", message));
        }
    };
    let price = sellable(flex, account, &named)?;
    let product = price.member("product").as_str().unwrap_or_default().to_owned();
    let name = flex.products.get(&product).and_then(|product| product.body.get("name")).cloned();
    let recurring = price.member("recurring");
    Ok(Line {
        id,
        price: Some(named.clone()),
        description: Some(price.member("description")).filter(|it| !it.is_null()).or(name).unwrap_or_default(),
        unit: price.member("unit_amount").as_i64().unwrap_or(0),
        quantity,
        eligibility: price.member("hsa_fsa_eligibility"),
        interval: Interval::read(&recurring),
        trial_days: recurring["trial_period_days"].as_i64().filter(|days| *days > 0),
        product,
    })
}

/// Which prices each mode can have.
pub(super) fn check_intervals(mode: Mode, lines: &[Line]) -> Result<(), Reply> {
    let mut intervals = lines.iter().filter_map(|line| line.interval);
    let first = intervals.next();
    if mode == Mode::Subscription && first.is_none() {
        let message = "A session in subscription mode must have a recurring price.";
        return Err(invalid("line_items", "value_error", "flex.checkout.subscription-needs-recurring-price", message));
    }
    if mode == Mode::Subscription && intervals.any(|other| Some(other) != first) {
        let message = "All recurring prices of a session must have the same interval.";
        return Err(invalid("line_items", "value_error", "flex.checkout.mixed-intervals", message));
    }
    if mode != Mode::Subscription && first.is_some() {
        let message = format!("A session in {} mode cannot have a recurring price.", mode.name());
        return Err(invalid("line_items", "value_error", "flex.checkout.payment-forbids-recurring", message));
    }
    Ok(())
}

/// When the trial of a subscription ends.
pub(super) fn trial_end(body: &Map<String, Value>, lines: &[Line], now: Millis) -> Result<Option<Millis>, Reply> {
    let data = body.get("subscription_data").cloned().unwrap_or_default();
    if let Some(end) = data["trial_end"].as_str() {
        let end = crate::time::parse(end).filter(|end| *end > now).ok_or_else(|| {
            invalid("trial_end", "value_error", "flex.subscription.trial", "trial_end must be a time in the future.")
        })?;
        return Ok(Some(end));
    }
    let own = lines.iter().filter_map(|line| line.trial_days).max();
    let days = data["trial_period_days"].as_i64().or(own).filter(|days| *days > 0);
    Ok(days.map(|days| now.saturating_add(days.saturating_mul(DAY))))
}

/// What the session costs, and what of it is paid today.
pub(super) fn amounts(
    body: &Map<String, Value>,
    lines: &[Line],
    discount: Option<&Discount>,
    trial: bool,
    shipping: Option<i64>,
) -> Result<Amounts, Reply> {
    let subtotal: i64 = lines.iter().map(Line::total).fold(0, i64::saturating_add);
    let off = discount.map_or(0, |discount| discount.off(subtotal));
    let tax = match given(body, "tax_rate") {
        Some(rate) => cents(rate.as_object().unwrap_or(&Map::new()), "amount")?,
        None => None,
    };
    let mut fees = 0_i64;
    for fee in body.get("fees").and_then(Value::as_array).into_iter().flatten() {
        let amount = cents(fee.as_object().unwrap_or(&Map::new()), "amount")?;
        fees = fees.saturating_add(amount.unwrap_or(0));
    }
    let today =
        if trial { lines.iter().filter(|line| line.interval.is_none()).map(Line::total).sum() } else { subtotal };
    let extra = tax.unwrap_or(0).saturating_add(shipping.unwrap_or(0)).saturating_add(fees);
    let total = today.saturating_sub(off).max(0).saturating_add(extra);
    Ok(Amounts { subtotal, discount: off, tax, shipping, fees, total })
}

impl Discount {
    /// What it takes off an amount.
    pub(super) fn off(&self, amount: i64) -> i64 {
        if self.left == Some(0) {
            return 0;
        }
        let fixed = self.coupon["amount_off"].as_i64();
        let percent = self.coupon["percent_off"].as_f64().map(basis_points);
        let part = percent.map(|points| amount.saturating_mul(points).div_euclid(10_000));
        fixed.or(part).unwrap_or(0).clamp(0, amount.max(0))
    }

    /// One more invoice had it.
    pub(super) fn used(&mut self) {
        self.left = self.left.map(|left| left.saturating_sub(1).max(0));
    }

    /// The id of the coupon, if it is one of the merchant's.
    pub(super) fn id(&self) -> Option<String> {
        self.coupon["coupon_id"].as_str().map(str::to_owned)
    }

    /// A coupon of the merchant in use.
    pub(super) fn named(coupon: &Coupon) -> Self {
        let mut body = coupon.body.clone();
        body.insert("coupon_id".into(), json!(coupon.head.id));
        Self::of(Value::Object(body))
    }

    /// A coupon in use, with how many invoices it applies to.
    pub(super) fn of(coupon: Value) -> Self {
        let left = match coupon["duration"].as_str() {
            Some("forever") => None,
            Some("repeating") => coupon["duration_in_months"].as_i64(),
            _ => Some(1),
        };
        Self { coupon, left }
    }
}

/// A percentage in hundredths of a percent, from its decimal digits.
fn basis_points(percent: f64) -> i64 {
    let text = format!("{percent:.2}").replace('.', "");
    text.parse().unwrap_or(0)
}

/// The coupon that a request names or brings.
pub(super) fn discount(flex: &Flex, body: &Map<String, Value>, account: &str) -> Result<Option<Discount>, Reply> {
    let Some(asked) = body.get("discounts").and_then(Value::as_array).and_then(|list| list.first()) else {
        return Ok(None);
    };
    if let Some(data) = asked["coupon_data"].as_object() {
        super::offers::check_coupon(data)?;
        return Ok(Some(Discount::of(asked["coupon_data"].clone())));
    }
    coupon(flex, asked["coupon_id"].as_str().unwrap_or_default(), account).map(Some)
}

/// A coupon of the merchant, which can still be redeemed.
pub(super) fn coupon(flex: &Flex, id: &str, account: &str) -> Result<Discount, Reply> {
    let coupon = flex.coupons.of(account, id)?;
    if super::offers::used_up(&coupon.body) {
        let message = "The coupon was redeemed as often as its max_redemptions allows.";
        let refused = invalid("coupon_id", "value_error", "flex.coupon.max-redemptions", message);
        return Err(refused.inferred("no document shows the refusal of a coupon that is used up"));
    }
    Ok(Discount::named(coupon))
}

/// What shipping costs: a rate by its id, or one that the request brings.
pub(super) fn shipping(flex: &Flex, body: &Map<String, Value>, account: &str) -> Result<Option<i64>, Reply> {
    let Some(options) = given(body, "shipping_options") else { return Ok(None) };
    let one = options.as_array().and_then(|list| list.first()).unwrap_or(options);
    let (named, inline) = (one["shipping_rate_id"].as_str(), one["shipping_rate_data"].as_object());
    match (named, inline) {
        (Some(id), None) => Ok(flex.shipping_rates.of(account, id)?.body.get("amount").and_then(Value::as_i64)),
        (None, Some(data)) => cents(data, "amount"),
        _ => {
            let message = "shipping_options must have exactly one of shipping_rate_id and shipping_rate_data.";
            Err(invalid("shipping_options", "value_error", "flex.checkout.shipping-one-source", message))
        }
    }
}

/// The lines as `GET …/line_items` lists them.
pub(super) fn shown(lines: &[Line], flex: &Flex, context: &Context<'_>) -> Value {
    use super::store::Kept as _;
    let one = |line: &Line| {
        let price = line.price.as_ref().and_then(|id| flex.prices.get(id)).map(|price| price.shown(flex, context));
        json!({"line_item_id": line.id, "amount_discount": 0, "amount_subtotal": line.total(), "amount_tax": 0,
            "amount_total": line.total(), "amount_shipping": 0, "description": line.description, "price": price,
            "product": line.product, "quantity": line.quantity, "eligibility": line.eligibility, "shipping_rate": null})
    };
    lines.iter().map(one).collect()
}
