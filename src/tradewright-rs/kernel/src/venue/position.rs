//! Where a resting order stands in the queue of a book that shows levels and not orders.
//!
//! A level that shrinks by more than was printed lost cancelled orders; which of them stood before ours nobody knows.
//! The models are those of hftbacktest (`queue.rs`), where their names are "risk averse", "power" and "log".

/// How a resting order moves up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum QueueModel {
    /// Only prints move the queue; a level that is smaller than what was before us bounds it.
    #[default]
    RiskAverse,
    /// A cancelled lot stood behind us with probability bⁿ ÷ (bⁿ + fⁿ): b behind, f before us.
    Power {
        /// n.
        exponent: f64,
    },
    /// The same with probability bⁿ ÷ (b + f)ⁿ.
    PowerOfShare {
        /// n.
        exponent: f64,
    },
    /// The same with probability 1 − (f ÷ (b + f))ⁿ.
    PowerOfFront {
        /// n.
        exponent: f64,
    },
    /// The same with probability ln(1 + b) ÷ (ln(1 + b) + ln(1 + f)).
    Log,
    /// The same with probability ln(1 + b) ÷ ln(1 + b + f).
    LogOfShare,
}

impl QueueModel {
    /// Names an impossible parameter.
    pub fn validate(&self) -> Result<(), String> {
        match *self {
            QueueModel::Power { exponent }
            | QueueModel::PowerOfShare { exponent }
            | QueueModel::PowerOfFront { exponent }
                if !(exponent.is_finite() && exponent > 0.0) =>
            {
                Err(format!("venue.fills.queue.exponent: {exponent} is not a finite number above 0"))
            }
            _ => Ok(()),
        }
    }

    /// The share of a decrease that stood behind us; 1 where nothing stands anywhere.
    fn share_behind(&self, front: f64, back: f64) -> f64 {
        let power = |base: f64, exponent: f64| libm::pow(base, exponent);
        let ln_1p = |value: f64| libm::log(1.0 + value);
        let share = match *self {
            QueueModel::RiskAverse => 1.0,
            QueueModel::Power { exponent } => power(back, exponent) / (power(back, exponent) + power(front, exponent)),
            QueueModel::PowerOfShare { exponent } => power(back, exponent) / power(back + front, exponent),
            QueueModel::PowerOfFront { exponent } => 1.0 - power(front / (front + back), exponent),
            QueueModel::Log => ln_1p(back) / (ln_1p(back) + ln_1p(front)),
            QueueModel::LogOfShare => ln_1p(back) / ln_1p(back + front),
        };
        if share.is_finite() { share } else { 1.0 }
    }
}

/// The estimate for one order, in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct QueuePosition {
    /// Before us. Below zero: so much has traded beyond it.
    ahead: f64,
    /// Printed at our price since the level last changed.
    traded: f64,
}

impl QueuePosition {
    /// Behind everything that rests at the price.
    pub(crate) fn behind(lots: i64) -> QueuePosition {
        QueuePosition { ahead: lots as f64, traded: 0.0 }
    }

    /// A print at our price, against our side.
    #[inline]
    pub(crate) fn on_print(&mut self, lots: i64) {
        self.ahead -= lots as f64;
        self.traded += lots as f64;
    }

    /// The level went from one size to another.
    #[inline]
    pub(crate) fn on_level(&mut self, model: &QueueModel, before: i64, after: i64) {
        let after_lots = after as f64;
        // What was printed has moved us already.
        let cancelled = (before - after) as f64 - std::mem::take(&mut self.traded);
        if cancelled < 0.0 || *model == QueueModel::RiskAverse {
            self.ahead = self.ahead.min(after_lots);
            return;
        }
        let front = self.ahead;
        let back = before as f64 - front;
        let behind = model.share_behind(front.max(0.0), back.max(0.0));
        let left = front - (1.0 - behind) * cancelled + (back - behind * cancelled).min(0.0);
        self.ahead = left.min(after_lots);
    }

    /// Whole lots that have traded beyond what was before us; what is taken of them is gone.
    #[inline]
    pub(crate) fn take_executable(&mut self) -> i64 {
        let lots = (-self.ahead).round_ties_even() as i64;
        if lots > 0 {
            self.ahead = 0.0;
        }
        lots.max(0)
    }

    /// Lots before us.
    #[inline]
    pub(crate) fn ahead(&self) -> f64 {
        self.ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_cancel(model: QueueModel, front: i64, back: i64, cancelled: i64) -> f64 {
        let mut position = QueuePosition::behind(front);
        position.on_level(&model, front + back, front + back - cancelled);
        position.ahead()
    }

    #[test]
    fn shares_are_those_of_the_definition() {
        // Front 10, back 30: of a decrease the share behind us is .9 for n = 2, .75 for n = 1, ln 31 ÷ ln 341 for log.
        let shares = [
            (QueueModel::Power { exponent: 2.0 }, 0.9),
            (QueueModel::Power { exponent: 1.0 }, 0.75),
            (QueueModel::Log, 0.588_830),
            (QueueModel::PowerOfShare { exponent: 2.0 }, 0.5625),
            (QueueModel::PowerOfFront { exponent: 2.0 }, 0.9375),
            (QueueModel::LogOfShare, 0.924_713),
        ];
        for (model, share) in shares {
            assert!((after_cancel(model, 10, 30, 10) - (10.0 - (1.0 - share) * 10.0)).abs() < 1e-5, "{model:?}");
        }
        assert_eq!(after_cancel(QueueModel::RiskAverse, 10, 30, 10), 10.0);
        assert_eq!(after_cancel(QueueModel::RiskAverse, 10, 30, 35), 5.0);
    }

    #[test]
    fn prints_are_not_counted_twice() {
        let mut position = QueuePosition::behind(30);
        position.on_print(20);
        position.on_level(&QueueModel::Power { exponent: 2.0 }, 50, 30);
        assert_eq!(position.ahead(), 10.0);
        assert_eq!(position.take_executable(), 0);
        position.on_print(15); // Ahead 30, prints of 20 and 15: five are ours.
        assert_eq!(position.take_executable(), 5);
        position.on_print(2);
        assert_eq!(position.take_executable(), 2);
    }
}
