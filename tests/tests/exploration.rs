//! What holds of every snapshot that exploration reaches.

use rulebound::truemed::{PaymentSession, PaymentToken};
use rulebound_tests::explore::Exploration;

#[test]
fn sizes() {
    let t = std::time::Instant::now();
    let a = Exploration::<PaymentSession>::run();
    println!("{} {} {:?} depth {}", a.reached.len(), a.is_cut, t.elapsed(), a.reached.last().unwrap().depth);
    println!("missing {:#?}", Exploration::<PaymentSession>::declared().difference(&a.taken).collect::<Vec<_>>());
    println!("panics {:#?}", a.panics.first());
    let t = std::time::Instant::now();
    let a = Exploration::<PaymentToken>::run();
    println!("{} {} {:?} depth {}", a.reached.len(), a.is_cut, t.elapsed(), a.reached.last().unwrap().depth);
    println!("missing {:#?}", Exploration::<PaymentToken>::declared().difference(&a.taken).collect::<Vec<_>>());
    println!("panics {} {}", a.panics.len(), a.panics.first().cloned().unwrap_or_default());
}
