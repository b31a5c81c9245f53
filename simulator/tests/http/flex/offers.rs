//! Lists and single objects: promo codes, captures, products.

use serde_json::{Value, json};

use super::{Flex, text};

/// The ids of a list.
fn ids(flex: &Flex, path: &str, kind: &str, id: &str) -> Vec<Value> {
    flex.get(path)[kind].as_array().unwrap().iter().map(|it| it[id].clone()).collect()
}

#[test]
fn promo_codes_are_listed_newest_first_in_pages_and_by_their_members() {
    let flex = Flex::new(&json!({}));
    let coupon = json!({"name": "ten", "percent_off": 10, "duration": "once"});
    let [one, other] = [(); 2].map(|()| flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone());
    let code = |coupon: &Value, code: &str| {
        let body = json!({"coupon_id": coupon, "code": code, "metadata": {"campaign": code}});
        flex.post("/v1/promo_codes", "promo_code", &body)["promo_code_id"].clone()
    };
    let made = [code(&one, "A"), code(&one, "B"), code(&other, "C")];
    let list = |query: &str| ids(&flex, &format!("/v1/promo_codes?{query}"), "promo_codes", "promo_code_id");
    assert_eq!(list(""), [made[2].clone(), made[1].clone(), made[0].clone()]);
    assert_eq!(list("limit=1&offset=1"), [made[1].clone()]);
    assert_eq!(list(&format!("starting_after={}", text(&made[1]))), [made[0].clone()]);
    assert_eq!(list(&format!("ending_before={}&limit=1", text(&made[0]))), [made[1].clone()]);
    assert_eq!(list(&format!("coupon_id={}", text(&one))), [made[1].clone(), made[0].clone()]);
    assert_eq!([list("code=C"), list("metadata[campaign]=C")], [[made[2].clone()], [made[2].clone()]]);
    assert_eq!(list("active=false"), Vec::<Value>::new());
    for wrong in ["limit=0", "limit=101", "limit=x", "offset=-1"] {
        let refused = flex.refusal("GET", &format!("/v1/promo_codes?{wrong}"), &Value::Null);
        assert_eq!(refused, (422, "flex.list.limit".into()), "{wrong}");
    }
}

#[test]
fn a_promo_code_is_unique_among_the_active_ones_whatever_its_case() {
    let flex = Flex::new(&json!({}));
    let coupon = json!({"name": "ten", "percent_off": 10, "duration": "once"});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    let body = |coupon: &Value, code: &Value| json!({"promo_code": {"coupon_id": coupon, "code": code}});
    let path = "/v1/promo_codes";
    assert_eq!(flex.call("POST", path, &body(&coupon, &json!("Spring"))).status, 200);
    let refused = flex.refusal("POST", path, &body(&coupon, &json!("SPRING")));
    assert_eq!(refused, (422, "flex.promo-code.unique".into()));
    assert_eq!(flex.refusal("POST", path, &body(&coupon, &Value::Null)).0, 400);
    assert_eq!(flex.refusal("POST", path, &body(&json!("fcoup_none"), &json!("X"))).0, 404);
    // Another mode of the account has codes of its own.
    let live = flex.call_as("fsk_live", "GET", path, &Value::Null).json();
    assert_eq!(live["promo_codes"], json!([]));
}

#[test]
fn a_capture_is_retrieved_as_the_list_and_the_session_show_it() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(4_999, "auto_substantiation", &Value::Null);
    let session = flex.checkout("payment", &price, &json!({"capture_method": "manual"}));
    let id = session["checkout_session_id"].clone();
    flex.act(&json!({"do": "finish", "id": id}));
    let path = format!("/v1/checkout/sessions/{}/capture", text(&id));
    let part = |off: i64, last: bool, note: &str| {
        let body = json!({"line_items": [{"price": price}], "amount_discount": off, "final_capture": last,
            "capture_metadata": {"shipment": note}});
        let got = flex.call("POST", &path, &json!({"checkout_session": body}));
        assert_eq!(got.status, 200, "{}", got.text);
    };
    part(3_999, false, "first");
    flex.advance(60_000);
    part(2_999, true, "second");
    let list = flex.get(&format!("/v1/captures?checkout_session={}", text(&id)))["captures"].clone();
    let amounts = [0, 1].map(|nth| list[nth]["amount_captured"].as_i64().unwrap());
    assert_eq!((list.as_array().unwrap().len(), amounts), (2, [2_000, 1_000]), "the newest one is first");
    for (nth, note) in [(0, "second"), (1, "first")] {
        let shown = flex.get(&format!("/v1/captures/{}", text(&list[nth]["capture_id"])));
        assert_eq!(shown, json!({"capture": list[nth]}));
        assert_eq!(shown["capture"]["metadata"], json!({"shipment": note}));
    }
    let of_session = flex.session(&id)["captures"].clone();
    assert_eq!(
        (&of_session[0]["capture_id"], &of_session[1]["capture_id"]),
        (&list[1]["capture_id"], &list[0]["capture_id"])
    );
    assert_eq!(flex.get("/v1/captures?checkout_session=fcs_none")["captures"], json!([]));
    assert_eq!(flex.refusal("GET", "/v1/captures/fcap_none", &Value::Null), (404, "flex.object.exists".into()));
    let foreign =
        flex.call_as("fsk_test_2", "GET", &format!("/v1/captures/{}", text(&list[0]["capture_id"])), &Value::Null);
    assert_eq!(foreign.status, 404);
}

#[test]
fn archived_products_are_listed_only_where_the_query_asks_for_them() {
    let flex = Flex::new(&json!({}));
    let product = |name: &str| {
        let body = json!({"name": name, "metadata": {"size": name}, "client_reference_id": name});
        flex.post("/v1/products", "product", &body)["product_id"].clone()
    };
    let (old, new) = (product("old"), product("new"));
    let archive = flex.call("PATCH", &format!("/v1/products/{}", text(&old)), &json!({"product": {"active": false}}));
    assert_eq!(archive.status, 200);
    let list = |query: &str| ids(&flex, &format!("/v1/products?{query}"), "products", "product_id");
    assert_eq!(
        ["", "active=true", "active=false"].map(list),
        [vec![new.clone()], vec![new.clone()], vec![old.clone()]]
    );
    assert_eq!(["metadata[size]=new", "client_reference_id=new"].map(list), [[new.clone()], [new]]);
    assert_eq!(list("metadata[size]=old"), Vec::<Value>::new());
    assert_eq!(list("metadata[size]=old&active=false"), [old]);
}
