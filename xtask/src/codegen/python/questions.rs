//! The types of the providers' questions, which no schema has.

use super::builders::Parameter;

type Types = (&'static [(&'static str, &'static str)], &'static str);

const ITEMS: &str = "list[TruemedOrderItem]";
const OBJECT: &str = "Mapping[str, Any]";
const BODY: &str = "str | bytes";

/// The parameters of a question, and the type of its answer. It panics if a question is missing here, or has other fields.
pub(super) fn types(provider: &str, question: &str, fields: &[&str]) -> (Vec<Parameter>, String) {
    let (parameters, returns) = of(provider, question);
    assert!(parameters.iter().map(|(name, _)| *name).eq(fields.iter().copied()), "`{question}` has other fields");
    let parameter = |(name, annotation): &(&str, &str)| {
        // Only the settings have a default.
        let is_required = *name != "settings" || provider == "vend";
        Parameter { name: (*name).into(), annotation: (*annotation).into(), is_required }
    };
    (parameters.iter().map(parameter).collect(), returns.into())
}

fn of(provider: &str, question: &str) -> Types {
    const REQUEST: &str = "Request";
    const ANSWER: &str = "dict[str, Any]";
    match (provider, question) {
        ("truemed", "needs_update") => (&[("confirmed", ITEMS), ("wanted", ITEMS)], "bool"),
        ("truemed", "coverage") => (
            &[("snapshot", "PaymentToken"), ("order_items", ITEMS)],
            "Literal[\"covered\", \"pending\", \"update_required\", \"unknown\"]",
        ),
        (
            "truemed",
            "list_payment_token"
            | "list_payment_session"
            | "list_payout_reconciliation"
            | "list_transaction_reconciliation"
            | "list_qualification_session"
            | "list_catalog_items",
        ) => (&[("query", OBJECT), ("settings", "TruemedSettings")], REQUEST),
        ("truemed", "create_catalog_item" | "update_catalog_item") => {
            (&[("item", OBJECT), ("settings", "TruemedSettings")], ANSWER)
        }
        ("truemed", "check_truemed_checkout_method") => {
            (&[("items", "Sequence[Mapping[str, Any]]"), ("settings", "TruemedSettings")], ANSWER)
        }
        ("truemed", "get_catalog_item") => (&[("sku", "str"), ("settings", "TruemedSettings")], ANSWER),
        ("truemed", "read_list" | "read_catalog_item")
        | ("flex", "read_price" | "read_line_items" | "read_disputes")
        | ("revup", "read_callback") => (&[("body", BODY)], ANSWER),
        ("flex", "assess") => (&[("lines", "Sequence[Mapping[str, Any]]")], ANSWER),
        ("flex", "create_product") => (&[("product", OBJECT), ("settings", "FlexSettings")], ANSWER),
        ("flex", "create_price") => (&[("price", OBJECT), ("settings", "FlexSettings")], ANSWER),
        ("flex", "update_price") => (&[("price_id", "str"), ("price", OBJECT), ("settings", "FlexSettings")], ANSWER),
        ("flex", "create_coupon") => (&[("coupon", "FlexCouponData"), ("settings", "FlexSettings")], ANSWER),
        ("flex", "retry_event") => (&[("event_id", "str"), ("event", OBJECT), ("settings", "FlexSettings")], ANSWER),
        ("flex", "update_dispute") => {
            (&[("dispute_id", "str"), ("dispute", OBJECT), ("settings", "FlexSettings")], ANSWER)
        }
        ("flex", "list_disputes") => (&[("query", OBJECT), ("settings", "FlexSettings")], REQUEST),
        ("flex", "preview_capture") => {
            (&[("checkout_session_id", "str"), ("capture", OBJECT), ("settings", "FlexSettings")], ANSWER)
        }
        ("flex", "list_line_items") => (&[("checkout_session_id", "str"), ("settings", "FlexSettings")], REQUEST),
        ("vend", "partner_apps_page") => (&[("settings", "VendSettings")], "str"),
        ("revup", "read_pay") => (&[("status", "int"), ("body", BODY)], "Literal[\"success\", \"failed\", \"open\"]"),
        ("revup", "create_token_order") => (&[("order", OBJECT), ("settings", "RevupSettings")], ANSWER),
        ("revup", "read_order") => (&[("status", "int"), ("body", BODY)], ANSWER),
        ("revup", "check_order") => (&[("order", OBJECT)], "bool"),
        _ => panic!("the question `{question}` of `{provider}` has no types for Python"),
    }
}
