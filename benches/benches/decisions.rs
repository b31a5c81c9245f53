//! Every decision, with the library and by hand, in one group each.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rulebound_benches::cases::cases;

fn decisions(criterion: &mut Criterion) {
    for case in cases("") {
        let mut group = criterion.benchmark_group(case.name);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800)).sample_size(20);
        group.bench_function("rulebound", |bencher| bencher.iter_custom(|times| case.rulebound.run(times)));
        group.bench_function("by hand", |bencher| bencher.iter_custom(|times| case.hand.run(times)));
        group.finish();
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
