//! Questions to Flex's pure modules, in JSON.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::catalog::{Checked, CreatePrice, CreateProduct, PriceSeen, UpdatePrice};
use super::eligibility::{Line, assess};
use super::item::CouponData;
use super::settings::Settings;
use crate::decode::{Malformed, decode};
use crate::encode::encode;
use crate::rule::Violation;
use crate::snapshot::Rejection;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assess {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    product: CreateProduct,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    price: CreatePrice,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceUpdate {
    price_id: String,
    price: UpdatePrice,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coupon {
    coupon: CouponData,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    body: String,
}

/// A price, and what is odd about it.
#[derive(Serialize)]
struct PriceRead {
    price: PriceSeen,
    warnings: Vec<Violation>,
}

/// The answer to a request that breaks rules.
#[derive(Serialize)]
struct Refused {
    violations: Vec<Violation>,
}

pub(super) fn ask(question: &str, with: &str) -> Result<Option<String>, Malformed> {
    Ok(Some(match question {
        "assess" => {
            let it: Assess = decode(with)?;
            encode(&assess(&it.lines))
        }
        "create_product" => {
            let it: Product = decode(with)?;
            answer(it.product.request(&it.settings))
        }
        "create_price" => {
            let it: Price = decode(with)?;
            answer(it.price.request(&it.settings))
        }
        "update_price" => {
            let it: PriceUpdate = decode(with)?;
            answer(it.price.request(&it.price_id, &it.settings))
        }
        "create_coupon" => {
            let it: Coupon = decode(with)?;
            answer(it.coupon.request(&it.settings))
        }
        "read_price" => {
            let it: Body = decode(with)?;
            let price = PriceSeen::read(it.body.as_bytes());
            let price = price.ok_or_else(|| Malformed::new("/body", "is no price of Flex's"))?;
            let warnings = price.warnings();
            encode(&PriceRead { price, warnings })
        }
        _ => return Ok(None),
    }))
}

fn answer(checked: Result<Checked, Rejection>) -> String {
    match checked {
        Ok(checked) => encode(&checked),
        Err(Rejection { violations }) => encode(&Refused { violations }),
    }
}
