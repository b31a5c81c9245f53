//! The feature `http`: requests and headers as the types of the crate `http`, which most clients and servers take.

use alloc::vec::Vec;
use core::str;

use ::http::{Error, HeaderMap, HeaderValue};

use crate::effect::Request;
use crate::fact::Headers;

impl Request {
    /// The request with the host's `secret`, for any client that sends an `http::Request`.
    ///
    /// The header of the secret is marked as sensitive, so that a client does not print it. Report the reply with
    /// [`Fact::reply`](crate::Fact::reply), or that there was none with [`Fact::lost`](crate::Fact::lost).
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// # let token = token.handle(create, &cx)?.next;
    /// let lease = token.lease(&token.effects(&cx)[0].id, &cx)?;
    /// let request = lease.request.expect("a request").to_http("sk_live_1")?;
    /// assert_eq!(request.headers()["x-truemed-api-key"], "sk_live_1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If `secret` is not the value of a header: it contains a line break, for example.
    pub fn to_http(&self, secret: &str) -> Result<::http::Request<Vec<u8>>, Error> {
        let mut builder = ::http::Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            builder = builder.header(*name, &**value);
        }
        let mut value = HeaderValue::from_str(&self.credential.value(secret))?;
        value.set_sensitive(true);
        builder.header(self.credential.header, value).body(self.body.clone().unwrap_or_default().into_bytes())
    }
}

/// The headers of a webhook or of a reply. A value that is not UTF-8 is left out, because no provider's rule reads it.
impl<'a> From<&'a HeaderMap> for Headers<'a> {
    fn from(headers: &'a HeaderMap) -> Self {
        let text = |value: &'a HeaderValue| str::from_utf8(value.as_bytes()).ok();
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), text(value)?))).collect()
    }
}
