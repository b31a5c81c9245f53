//! The end of a history: nothing goes wrong any more, and everything must settle.

use rulebound::Effect;

use super::host::Worker;
use super::world::World;
use crate::chance::Chance;

/// The most rounds of work until everything has settled.
const ROUNDS: usize = 400;

impl World<'_> {
    /// Brings everything to an end: every reply arrives, every review gets a verdict, and time passes.
    pub(super) fn rest(&mut self) {
        self.note(|| "nothing goes wrong from here on".into());
        self.workers = vec![Worker::Idle];
        let end = self.now + self.provider.days_to_settle() * 24 * 3_600_000;
        for _ in 0..ROUNDS {
            self.provider.calm(self.now);
            self.deliver_all();
            self.finish();
            match self.load().wake_at(&self.context()) {
                Some(wake_at) if wake_at.as_millis() > end => break,
                Some(wake_at) => self.pass(wake_at.as_millis().max(self.now + 1)),
                None => break,
            }
        }
        self.pass(self.now.max(end));
        self.deliver_all();
        self.finish();
        self.check_settled();
    }

    /// Delivers every webhook, unless this host receives none.
    fn deliver_all(&mut self) {
        if self.has_webhooks {
            self.provider.webhooks().to_vec().into_iter().for_each(|it| self.receive_webhook(it, true));
        }
    }

    /// Carries out everything that is ready, without trouble.
    fn finish(&mut self) {
        for turn in 0..240_u8 {
            let effects = self.load().effects(&self.context());
            if matches!(self.workers[0], Worker::Idle) && effects.iter().all(|it| !it.ready) {
                return;
            }
            // The choice changes, so that every ready effect has its turn. Nothing goes wrong.
            let choice = [turn / 4];
            let is_choosing = matches!(self.workers[0], Worker::Loaded(_));
            self.work(0, &mut Chance::new(if is_choosing { &choice } else { &[] }));
        }
        panic!("there is always something ready: {}", self.row);
    }

    /// Checks what must hold in the end.
    fn check_settled(&self) {
        let effects = self.load().effects(&self.context());
        let is_work = |it: &&rulebound::PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        if let Some(stuck) = effects.iter().find(is_work) {
            panic!("pending for ever: `{}` in {}", stuck.id, self.row);
        }
        if let Some(missing) = self.ledger.missing(self.provider.as_ref(), self.now, self.has_webhooks) {
            panic!("{missing}: {}", self.row);
        }
    }
}
