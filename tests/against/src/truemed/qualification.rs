//! `truemed.qualification_session`: whether a customer qualifies, before any checkout. No money moves here: in the end,
//! the status must have what Truemed's books have.

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use super::{Truemed, item};
use crate::scene::{Provider, Scene, View, millis};

pub(crate) struct Qualification;

impl Scene for Qualification {
    fn flow(&self) -> &'static str {
        "truemed.qualification_session"
    }

    fn provider(&self) -> &dyn Provider {
        &Truemed
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(12), chance.below(4));
        match which {
            0..4 => {
                let mut create = json!({"type": "create_qualification_session", "order_items": [item("b12")],
                    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no",
                    "metadata": metadata(view.row, chance)});
                if more == 3 {
                    create["user_id"] = "customer".into();
                }
                create
            }
            4..8 => {
                let mut update =
                    json!({"type": "update_qualification_session", "metadata": metadata(view.row, chance)});
                if more > 0 {
                    update["user_id"] = ["customer", "customer", "another"][more - 1].into();
                }
                if chance.below(4) == 0 {
                    update["success_url"] = "https://shop.example/moved".into();
                }
                update
            }
            8 => {
                let of = |it: &&Value| it["metadata"].as_str().is_some_and(|text| text.contains(view.row));
                let id = view.records("qualification_sessions").iter().rfind(of);
                json!({"type": "retrieve_qualification_session",
                    "qualification_session_id": id.map(|it| &it["qualification_session_id"])})
            }
            _ => json!({"type": "retrieve_qualification_session"}),
        }
    }

    fn wrong(&self, _view: &View<'_>) -> Option<String> {
        None
    }
}

/// Truemed's page says that the metadata of an update is a string that holds JSON, as that of the creation, and calls it
/// free-form: any JSON. A command without metadata is not made here: the library then sends the row's key, which is no
/// JSON, and a Truemed that insists on JSON refuses it.
fn metadata(row: &str, chance: &mut Chance<'_>) -> String {
    let json = match chance.below(4) {
        0 => json!({"row": row}),
        1 => json!([row, 7, null]),
        2 => json!(row),
        _ => json!({"order": {"note": "Zoë's \"first\"\n", "row": row}}),
    };
    json.to_string()
}

/// What the status says of its session and Truemed's books deny.
pub(super) fn denied(view: &View<'_>, status: &Value) -> Option<String> {
    let id = status["qualification_session_id"].as_str()?;
    let session = view.record("qualification_sessions", "qualification_session_id", id)?;
    let said = (&status["provider_status"], &status["user_id"], status["expires_at"].as_i64());
    let made = (&session["status"], &session["user_id"], millis(&session["expires_at"]));
    (said != made).then(|| format!("of the qualification, it says {said:?}, and the books say {made:?}"))
}
