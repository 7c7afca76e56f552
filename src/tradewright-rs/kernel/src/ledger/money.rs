//! The running sums of one owner (a policy, `unattributed`, or the account) in one currency.

use crate::num::Cash;

/// Sums of one owner in one currency. All are exact; `equity` always equals the sum of its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// What the run started with; only `unattributed` and the account have it.
    pub initial: Cash,
    /// Put in less taken out since; only `unattributed` and the account have it.
    pub deposits: Cash,
    /// Profit of closed lots, before fees.
    pub realised: Cash,
    /// Fees paid less rebates received.
    pub fees: Cash,
    /// Dividends, funding and borrow cost, received less paid.
    pub cash_flows: Cash,
    /// Cost of the positions held that are paid in full.
    pub cost_full: Cash,
    /// Balance plus unrealised profit.
    pub equity: Cash,
    /// Sum of absolute position values at the mark. For the account: of its net positions.
    pub gross: Cash,
    /// Sum of position values at the mark, longs less shorts.
    pub net: Cash,
    /// Initial margin in use, times 10¹⁰ (the account alone).
    pub initial_margin_e10: i128,
    /// Maintenance margin in use, times 10¹⁰ (the account alone).
    pub maintenance_margin_e10: i128,
}

impl Money {
    /// What was put in plus what was earned and closed: equity without unrealised profit.
    #[inline]
    pub fn balance(&self) -> Cash {
        self.initial + self.deposits + self.realised - self.fees + self.cash_flows
    }

    /// Spendable cash: the balance less the cost of what is paid in full.
    #[inline]
    pub fn cash(&self) -> Cash {
        self.balance() - self.cost_full
    }

    /// Profit of the positions held, at the mark.
    #[inline]
    pub fn unrealised(&self) -> Cash {
        self.equity - self.balance()
    }

    /// Profit since the start, after fees, deposits left out.
    #[inline]
    pub fn pnl(&self) -> Cash {
        self.equity - self.initial - self.deposits
    }
}

/// Reference points of one owner's valued equity, for the limits on losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Highest equity so far.
    pub peak: Cash,
    /// Equity when the day began.
    pub day_start: Cash,
    /// Equity when the week began.
    pub week_start: Cash,
    /// False until all currencies held could be valued.
    pub is_valued: bool,
}
