//! When the next order is sent.

use super::chance::Chance;
use super::params::Clusters;

/// A point process, in seconds.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// Poisson with this rate.
    Poisson(f64),
    /// Hawkes with an exponential kernel.
    Hawkes(Hawkes),
}

/// Intensity `base + excitement`; each event adds `jump` to the excitement, which decays at the rate `decay`.
#[derive(Clone, Debug)]
pub(super) struct Hawkes {
    base: f64,
    jump: f64,
    decay: f64,
    excitement: f64,
}

impl Clock {
    /// A process with this mean rate, in clusters if wanted.
    pub(super) fn new(rate: f64, clusters: Option<Clusters>) -> Clock {
        match clusters {
            None => Clock::Poisson(rate),
            Some(Clusters { branching, decay }) => Clock::Hawkes(Hawkes {
                base: rate * (1.0 - branching),
                jump: branching * decay,
                decay,
                // Its mean: so the mean intensity is the rate from the first moment on.
                excitement: rate * branching,
            }),
        }
    }

    /// Time from one event to the next.
    pub(super) fn wait(&mut self, chance: &mut Chance) -> f64 {
        match self {
            Clock::Poisson(rate) => chance.exponential(*rate),
            Clock::Hawkes(hawkes) => hawkes.wait(chance),
        }
    }
}

impl Hawkes {
    /// Exact, without thinning: the next event is the earlier of one of the constant part and one of the decaying part,
    /// which may have none left (Dassios and Zhao 2013, algorithm 3.1).
    fn wait(&mut self, chance: &mut Chance) -> f64 {
        let of_base = chance.exponential(self.base);
        let left = 1.0 - self.decay * chance.exponential(self.excitement);
        let of_excitement = if left > 0.0 { -libm::log(left) / self.decay } else { f64::INFINITY };
        let wait = of_base.min(of_excitement);
        self.excitement = self.excitement * libm::exp(-self.decay * wait) + self.jump;
        wait
    }
}
