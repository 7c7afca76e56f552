//! Peaks, days and weeks: the equity that losses are measured from, brought up to date between steps.

use super::{DAY_NS, Ledger, Standing};
use crate::order::PolicyId;

impl Ledger {
    /// Peak, day start and week start of an owner (`None`: the account), valued in the account's currency.
    #[inline]
    pub fn standing(&self, policy: Option<PolicyId>) -> &Standing {
        &self.standings[policy.map_or(self.policies + 1, usize::from)]
    }

    /// Call first in each step, before its records are applied: closes the books of the step before.
    ///
    /// Peaks take the equity of whole steps, never of half-applied ones; a new day or week starts at the equity
    /// before its first record. Returns at once when nothing changed and no day ended.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) {
        if self.is_dirty || now_ns >= self.day_ends_at_ns {
            self.close_step(now_ns);
        }
    }

    fn close_step(&mut self, now_ns: i64) {
        self.is_dirty = false;
        let is_new_day = now_ns >= self.day_ends_at_ns;
        if !is_new_day && self.currencies() == 1 {
            // One currency can always be valued, so standings and sums go by the same index.
            for (standing, money) in self.standings.iter_mut().zip(&self.money) {
                standing.peak = standing.peak.max(money.equity);
            }
            return;
        }
        let mut is_new_week = false;
        if is_new_day {
            let ends = self.config.day_ends_ns;
            let day = (now_ns - ends).div_euclid(DAY_NS);
            self.day_ends_at_ns = (day + 1) * DAY_NS + ends;
            // 1970-01-01 was a Thursday. With days that end at 00:00 the end of Sunday is Monday 00:00; otherwise the
            // day's end lies on Sunday itself.
            let week = (day + if ends == 0 { 3 } else { 4 }).div_euclid(7);
            is_new_week = week != self.week;
            self.week = week;
        }
        for owner in 0..=self.policies + 1 {
            let Some(equity) = self.total(Some(owner as PolicyId), |money| money.equity) else { continue };
            let standing = &mut self.standings[owner];
            if !standing.is_valued {
                *standing = Standing { peak: equity, day_start: equity, week_start: equity, is_valued: true };
            }
            standing.peak = standing.peak.max(equity);
            if is_new_day {
                standing.day_start = equity;
            }
            if is_new_week {
                standing.week_start = equity;
            }
        }
    }
}
