//! The fuzzer's targets without a fuzzer: every seed, and seeds with small changes.

use rulebound_nets::chance::bytes_of;
use rulebound_nets::targets::{TARGETS, Target};

/// Runs every seed, and a number of changed ones, each made from its number.
fn replay(name: &str, changed: u64) {
    let target: &Target = TARGETS.iter().find(|it| it.name == name).unwrap();
    let seeds = (target.seeds)();
    assert!(seeds.len() > 60, "only {} seeds", seeds.len());
    seeds.iter().for_each(|seed| (target.run)(seed));
    for number in 0..changed {
        let mut random = bytes_of(number, 24).into_iter().map(usize::from);
        let mut next = || random.next().unwrap_or_default() << 8 | random.next().unwrap_or_default();
        let mut bytes = seeds[next() % seeds.len()].clone();
        for _ in 0..=next() % 3 {
            change(&mut bytes, &seeds[next() % seeds.len()], &mut next);
        }
        (target.run)(&bytes);
    }
    println!("{name}: {} seeds, {changed} changed ones", seeds.len());
}

/// Changes a byte, removes a piece, or inserts a piece of another seed.
fn change(bytes: &mut Vec<u8>, other: &[u8], next: &mut impl FnMut() -> usize) {
    if bytes.is_empty() {
        return;
    }
    let start = next() % bytes.len();
    match next() % 3 {
        0 => bytes[start] = next().to_le_bytes()[0],
        1 => drop(bytes.drain(start..bytes.len().min(start + next() % 16))),
        _ => {
            let from = next() % (other.len() + 1);
            let piece = other[from..other.len().min(from + 24)].to_vec();
            bytes.splice(start..start, piece);
        }
    }
}

macro_rules! replayed {
    ($($name:ident: $changed:literal;)+) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name), $changed);
        }
    )+};
}

replayed! {
    load: 600;
    call: 400;
    replies: 600;
    webhooks: 600;
    authenticate: 2000;
    text: 1000;
    walk: 100;
}
