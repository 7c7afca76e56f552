//! Randomness from a seed.

use core::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Independent draws: ChaCha with 8 rounds, whose output is fixed by its definition, and functions of `libm`, which are
/// the same on every machine.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    rng: ChaCha8Rng,
    /// The second normal of a pair.
    spare: Option<f64>,
}

impl Chance {
    /// Streams of one seed are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Chance {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Chance { rng, spare: None }
    }

    /// Uniform on (0, 1), the ends excluded.
    pub(super) fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 52) as f64;
        ((self.rng.next_u64() >> 12) as f64 + 0.5) * STEP
    }

    /// Exponential with this rate; infinite at a rate of zero.
    pub(super) fn exponential(&mut self, rate: f64) -> f64 {
        -libm::log(self.uniform()) / rate
    }

    /// Standard normal (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        let angle = TAU * self.uniform();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// Uniform on 0..`end`, which is above zero (Lemire 2019).
    pub(super) fn below(&mut self, end: u64) -> u64 {
        loop {
            let product = u128::from(self.rng.next_u64()) * u128::from(end);
            let low = product as u64;
            if low >= end || low >= end.wrapping_neg() % end {
                return (product >> 64) as u64;
            }
        }
    }

    /// Geometric on 1, 2, … with this mean, which is at least 1.
    pub(super) fn geometric(&mut self, mean: f64) -> i64 {
        if mean <= 1.0 {
            return 1;
        }
        1 + libm::floor(libm::log(self.uniform()) / libm::log1p(-1.0 / mean)) as i64
    }
}
