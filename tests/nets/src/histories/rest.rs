//! The end of a history: peace, in which everything has to settle.

use rulebound::Effect;

use super::host::Worker;
use super::world::World;
use crate::chance::Chance;

/// How many rounds of work peace may take.
const ROUNDS: usize = 400;

impl World<'_> {
    /// Every open thing ends well, every reply arrives, persons judge, and time passes.
    pub(super) fn rest(&mut self) {
        self.tell(|| "peace".into());
        self.workers = vec![Worker::Idle];
        let end = self.now + self.provider.days_of_peace() * 24 * 3_600_000;
        for _ in 0..ROUNDS {
            self.provider.calm(self.now);
            self.deliver_all();
            self.finish();
            match self.load().wake_at(&self.around()) {
                Some(at) if at.as_millis() > end => break,
                Some(at) => self.pass(at.as_millis().max(self.now + 1)),
                None => break,
            }
        }
        self.pass(self.now.max(end));
        self.deliver_all();
        self.finish();
        self.settled();
    }

    /// Every webhook comes, unless this provider's never do.
    fn deliver_all(&mut self) {
        if self.delivers {
            self.provider.signals().to_vec().into_iter().for_each(|it| self.signal(it, true));
        }
    }

    /// Does everything that is ready, with good luck.
    fn finish(&mut self) {
        for turn in 0..240_u8 {
            let owed = self.load().effects(&self.around());
            if matches!(self.workers[0], Worker::Idle) && owed.iter().all(|it| !it.ready) {
                return;
            }
            // Another of what is ready each time, so that nothing is starved; and always good luck.
            let choice = [turn / 4];
            let is_choosing = matches!(self.workers[0], Worker::Loaded(_));
            self.work(0, &mut Chance::new(if is_choosing { &choice } else { &[] }));
        }
        panic!("there is always something to do: {}", self.row);
    }

    /// What must hold in the end.
    fn settled(&self) {
        let around = self.around();
        let owed = self.load().effects(&around);
        let is_work = |it: &&rulebound::PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        if let Some(stuck) = owed.iter().find(is_work) {
            panic!("owed for ever: `{}` in {}", stuck.id, self.row);
        }
        if let Some(owes) = self.ledger.owes(self.provider.as_ref(), self.now, self.delivers) {
            panic!("{owes}: {}", self.row);
        }
    }
}
