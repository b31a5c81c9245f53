//! Questions to Flex's pure modules, in JSON.

use alloc::format;
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

pub(super) fn ask(question: &str, with: &str) -> Result<String, Malformed> {
    match question {
        "assess" => {
            let it: Assess = read(with)?;
            Ok(encode(&assess(&it.lines)))
        }
        "create_product" => {
            let it: Product = read(with)?;
            answer(it.product.request(&it.settings))
        }
        "create_price" => {
            let it: Price = read(with)?;
            answer(it.price.request(&it.settings))
        }
        "update_price" => {
            let it: PriceUpdate = read(with)?;
            answer(it.price.request(&it.price_id, &it.settings))
        }
        "create_coupon" => {
            let it: Coupon = read(with)?;
            answer(it.coupon.request(&it.settings))
        }
        "read_price" => {
            let it: Body = read(with)?;
            let price = PriceSeen::read(it.body.as_bytes());
            let price = price.ok_or_else(|| Malformed::new("/with/body", "is no price of Flex's"))?;
            let warnings = price.warnings();
            Ok(encode(&PriceRead { price, warnings }))
        }
        _ => Err(Malformed::new("/question", format!("there is no question `{question}`"))),
    }
}

fn answer(checked: Result<Checked, Rejection>) -> Result<String, Malformed> {
    match checked {
        Ok(checked) => Ok(encode(&checked)),
        Err(Rejection { violations }) => Ok(encode(&Refused { violations })),
    }
}

fn read<'de, T: Deserialize<'de>>(with: &'de str) -> Result<T, Malformed> {
    decode(with).map_err(|wrong| wrong.under("/with"))
}

