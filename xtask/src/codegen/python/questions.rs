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
        // Only settings that have a default themselves can be left out.
        let is_required = *name != "settings" || matches!(provider, "vend" | "revup");
        Parameter { name: (*name).into(), annotation: (*annotation).into(), is_required }
    };
    (parameters.iter().map(parameter).collect(), returns.into())
}

fn of(provider: &str, question: &str) -> Types {
    const REQUEST: &str = "Request";
    const CHECKED: &str = "answers.CheckedRequest";
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
            (&[("item", OBJECT), ("settings", "TruemedSettings")], CHECKED)
        }
        ("truemed", "check_truemed_checkout_method") => {
            (&[("items", "Sequence[Mapping[str, Any]]"), ("settings", "TruemedSettings")], CHECKED)
        }
        ("truemed", "get_catalog_item") => (&[("sku", "str"), ("settings", "TruemedSettings")], CHECKED),
        ("truemed", "read_list") => (&[("body", BODY)], "answers.TruemedList"),
        ("truemed", "read_catalog_item") => (&[("body", BODY)], "answers.TruemedCatalogItem"),
        ("flex", "read_price") => (&[("body", BODY)], "answers.FlexPriceRead"),
        ("flex", "read_line_items") => (&[("body", BODY)], "answers.FlexLineItems"),
        ("flex", "read_disputes") => (&[("body", BODY)], "answers.FlexDisputes"),
        ("revup", "read_callback") => (&[("body", BODY)], "answers.RevupCallback"),
        ("flex", "assess") => (&[("lines", "Sequence[Mapping[str, Any]]")], "answers.FlexAssessment"),
        ("flex", "create_product") => (&[("product", OBJECT), ("settings", "FlexSettings")], CHECKED),
        ("flex", "create_price") => (&[("price", OBJECT), ("settings", "FlexSettings")], CHECKED),
        ("flex", "update_price") => (&[("price_id", "str"), ("price", OBJECT), ("settings", "FlexSettings")], CHECKED),
        ("flex", "create_coupon") => (&[("coupon", "FlexCouponData"), ("settings", "FlexSettings")], CHECKED),
        ("flex", "retry_event") => (&[("event_id", "str"), ("event", OBJECT), ("settings", "FlexSettings")], CHECKED),
        ("flex", "update_dispute") => {
            (&[("dispute_id", "str"), ("dispute", OBJECT), ("settings", "FlexSettings")], CHECKED)
        }
        ("flex", "list_disputes") => (&[("query", OBJECT), ("settings", "FlexSettings")], REQUEST),
        ("flex", "preview_capture") => {
            (&[("checkout_session_id", "str"), ("capture", OBJECT), ("settings", "FlexSettings")], CHECKED)
        }
        ("flex", "list_line_items") => (&[("checkout_session_id", "str"), ("settings", "FlexSettings")], REQUEST),
        ("vend", "partner_apps_page") => (&[("settings", "VendSettings")], "str"),
        ("revup", "read_pay") => (&[("status", "int"), ("body", BODY)], "Literal[\"success\", \"failed\", \"open\"]"),
        ("revup", "create_token_order") => (&[("order", OBJECT), ("settings", "RevupSettings")], CHECKED),
        ("revup", "read_order") => (&[("status", "int"), ("body", BODY)], "answers.RevupOrder"),
        ("revup", "check_order") => (&[("order", OBJECT)], "bool"),
        _ => panic!("the question `{question}` of `{provider}` has no types for Python"),
    }
}
