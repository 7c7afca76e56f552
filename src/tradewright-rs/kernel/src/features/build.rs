//! From the flat list that Python sends to nodes.

use std::collections::VecDeque;

use super::NodeSpec;
use super::conditions::{Changes, Crosses, Way};
use super::exact::Unit;
use super::flow::{Adjustment, Buckets, Cumulative, KyleLambda, Momentum, Ofi, PriceChanges, Vpin};
use super::moments::{CountMean, CountMoments, FloatMoments, Moment};
use super::node::{Apply, Binary, CountPast, CountSum, Expr, FloatPast, Node, Past, Unary};
use super::order::{Extreme, Quantile};
use super::pairs::{CountPair, FloatPair, PairMoment};
use super::smoothing::{Ema, EwmaVol, HalfLife, Rsi, TrueRange, Wilder, WilderMean};
use super::source::{Field, Source};
use super::window::{Ring, Window};
use crate::instrument::Instrument;
use crate::market::SourceKind;

/// What is gathered while nodes are built in order.
#[derive(Default)]
pub(crate) struct Builder {
    pub nodes: Vec<Node>,
    /// Unit of the counts of each exact node.
    pub units: Vec<Option<Unit>>,
    pub ints: Vec<i64>,
    pub floats: Vec<f64>,
}

/// Which records a field is sampled from.
pub(crate) fn kinds_of(field: Field) -> &'static [SourceKind] {
    use Field::{
        Ask, AskDepth, AskSize, BarRecord, Bid, BidDepth, BidSize, BookRecord, Close, High, Imbalance, Last, Low,
        Microprice, Mid, Open, Price, QuoteRecord, QuotedSpread, SignedSize, TradeRecord, TradeSide, TradeSize, Volume,
    };
    match field {
        Open | High | Low | Close | Volume | BarRecord => &[SourceKind::Bar],
        Bid | Ask | Mid | BidSize | AskSize | QuotedSpread | QuoteRecord => &[SourceKind::Quote],
        Last | TradeSize | TradeSide | SignedSize | TradeRecord => &[SourceKind::Trade],
        Imbalance | BidDepth | AskDepth | Microprice | BookRecord => &[SourceKind::Book],
        Price => &[SourceKind::Bar, SourceKind::Quote, SourceKind::Trade],
    }
}

fn field(op: &str) -> Option<Field> {
    Some(match op {
        "open" => Field::Open,
        "high" => Field::High,
        "low" => Field::Low,
        "close" => Field::Close,
        "volume" => Field::Volume,
        "bid" => Field::Bid,
        "ask" => Field::Ask,
        "mid" => Field::Mid,
        "bid_size" => Field::BidSize,
        "ask_size" => Field::AskSize,
        "quoted_spread" => Field::QuotedSpread,
        "last" => Field::Last,
        "trade_size" => Field::TradeSize,
        "trade_side" => Field::TradeSide,
        "signed_size" => Field::SignedSize,
        "price" => Field::Price,
        "book_imbalance" => Field::Imbalance,
        "bid_depth" => Field::BidDepth,
        "ask_depth" => Field::AskDepth,
        "microprice" => Field::Microprice,
        "bar_record" => Field::BarRecord,
        "quote_record" => Field::QuoteRecord,
        "trade_record" => Field::TradeRecord,
        "book_record" => Field::BookRecord,
        _ => return None,
    })
}

fn moment(op: &str) -> Option<Moment> {
    Some(match op {
        "rolling_sum" => Moment::Sum,
        "rolling_mean" => Moment::Mean,
        "rolling_var" => Moment::Var,
        "rolling_std" => Moment::Std,
        "zscore" => Moment::Zscore,
        _ => return None,
    })
}

fn past(op: &str) -> Option<Past> {
    Some(match op {
        "lag" => Past::Lag,
        "diff" => Past::Diff,
        "returns" => Past::Returns,
        "log_returns" => Past::LogReturns,
        _ => return None,
    })
}

fn unary(op: &str) -> Option<Unary> {
    Some(match op {
        "neg" => Unary::Neg,
        "abs" => Unary::Abs,
        "log" => Unary::Log,
        "exp" => Unary::Exp,
        "sqrt" => Unary::Sqrt,
        "not" => Unary::Not,
        _ => return None,
    })
}

fn binary(op: &str) -> Option<Binary> {
    Some(match op {
        "add" => Binary::Add,
        "sub" => Binary::Sub,
        "mul" => Binary::Mul,
        "div" => Binary::Div,
        "min" => Binary::Min,
        "max" => Binary::Max,
        "gt" => Binary::Gt,
        "lt" => Binary::Lt,
        "ge" => Binary::Ge,
        "le" => Binary::Le,
        "and" => Binary::And,
        "or" => Binary::Or,
        _ => return None,
    })
}

fn way(op: &str) -> Option<Way> {
    Some(match op {
        "crosses" => Way::Either,
        "crosses_above" => Way::Up,
        "crosses_below" => Way::Down,
        _ => return None,
    })
}

impl Builder {
    /// Adds one node; its inputs are there already.
    pub fn add(&mut self, spec: &NodeSpec, instruments: &[Instrument]) -> Result<(), String> {
        if let Some(late) = spec.inputs.iter().find(|input| **input as usize >= self.nodes.len()) {
            return Err(format!("input {late} is not an earlier node"));
        }
        let (node, unit) = self.node(spec, instruments)?;
        self.nodes.push(node);
        self.units.push(unit);
        Ok(())
    }

    fn node(&mut self, spec: &NodeSpec, instruments: &[Instrument]) -> Result<(Node, Option<Unit>), String> {
        let op = spec.op.as_str();
        if let Some(field) = field(op) {
            return source(field, spec, instruments);
        }
        if let Some(moment) = moment(op) {
            return Ok((self.moments(moment, spec)?, None));
        }
        if let Some(past) = past(op) {
            return self.past(past, spec);
        }
        if let Some(op) = unary(op) {
            let [a] = inputs(spec)?;
            return Ok((Node::Unary(op, a), None));
        }
        if let Some(op) = binary(op) {
            let [a, b] = inputs(spec)?;
            return Ok(self.binary(op, a, b));
        }
        if let Some(way) = way(op) {
            let [a, b] = inputs(spec)?;
            return Ok((Node::Crosses(Crosses { a, b, way, previous: f64::NAN }), None));
        }
        let node = match op {
            "const" => Node::Const(number(spec, 0)?),
            "where" => {
                let [condition, a, b] = inputs(spec)?;
                Node::Where(condition, a, b)
            }
            "changes" => {
                let [input] = inputs(spec)?;
                Node::Changes(Changes { input, previous: f64::NAN })
            }
            "rolling_min" | "rolling_max" => {
                let ([input], window) = (inputs(spec)?, self.float_window(spec)?);
                Node::Extreme(Box::new(Extreme::new(input, op == "rolling_max", window)))
            }
            "rolling_quantile" => {
                let ([input], window, q) = (inputs(spec)?, self.float_window(spec)?, number(spec, 0)?);
                if !(0.0..=1.0).contains(&q) {
                    return Err(format!("q = {q} is outside 0 to 1"));
                }
                Node::Quantile(Box::new(Quantile { input, q, window, sorted: Vec::new() }))
            }
            "ema" => {
                let ([input], n) = (inputs(spec)?, length(spec)?);
                let alpha = 2.0 / (n as f64 + 1.0);
                Node::Ema(Ema { input, alpha, warm_up: n, seen: 0, value: f64::NAN })
            }
            "wilder" => {
                let ([input], n) = (inputs(spec)?, length(spec)?);
                Node::Wilder(Wilder { input, n, mean: WilderMean::default() })
            }
            "rsi" => {
                let ([input], n) = (inputs(spec)?, length(spec)?);
                let (gain, loss) = (WilderMean::default(), WilderMean::default());
                Node::Rsi(Rsi { input, n, previous: f64::NAN, gain, loss })
            }
            "true_range" => {
                let [high, low, close] = inputs(spec)?;
                Node::TrueRange(TrueRange { high, low, close, previous: f64::NAN })
            }
            "ewma_vol" => {
                let ([input], half_life) = (inputs(spec)?, half_life(spec)?);
                Node::EwmaVol(EwmaVol::new(input, half_life))
            }
            "ofi_event" => Node::Ofi(Box::new(Ofi { inputs: inputs(spec)?, previous: None })),
            "cumulative" => {
                let [input] = inputs(spec)?;
                Node::Cumulative(Box::new(Cumulative::new(input)))
            }
            "momentum" => {
                let ([input], span_ns) = (inputs(spec)?, int(spec, 1)?);
                if span_ns < 1 {
                    return Err(format!("span of {span_ns} ns is not at least 1"));
                }
                Node::Momentum(Box::new(Momentum { input, span_ns, past: VecDeque::new() }))
            }
            "vpin" => self.vpin(spec)?,
            "kyle_lambda" => self.kyle_lambda(spec)?,
            "microprice_adjustment" => adjustment(spec)?,
            "ols_hedge" => self.pair(PairMoment::Slope, spec)?,
            "correlation" => self.pair(PairMoment::Correlation, spec)?,
            "apply" => Node::Apply(Box::new(Apply {
                callable: callable(spec)?,
                inputs: spec.inputs.clone(),
                buffer: vec![f64::NAN; spec.inputs.len()],
            })),
            "expr" => Node::Expr(Box::new(Expr {
                callable: callable(spec)?,
                inputs: spec.inputs.clone(),
                windows: spec.inputs.iter().map(|_| self.float_window(spec)).collect::<Result<_, _>>()?,
                columns: vec![Vec::new(); spec.inputs.len()],
            })),
            _ => return Err("is not an operation".to_owned()),
        };
        Ok((node, None))
    }

    fn unit(&self, input: u32) -> Option<Unit> {
        self.units[input as usize]
    }

    fn float_window(&mut self, spec: &NodeSpec) -> Result<Window<f64>, String> {
        Window::new(&mut self.floats, int(spec, 0)?, int(spec, 1)?)
    }

    fn count_window(&mut self, spec: &NodeSpec) -> Result<Window<i64>, String> {
        Window::new(&mut self.ints, int(spec, 0)?, int(spec, 1)?)
    }

    fn moments(&mut self, moment: Moment, spec: &NodeSpec) -> Result<Node, String> {
        let [input] = inputs(spec)?;
        let Some(unit) = self.unit(input) else {
            return Ok(Node::FloatMoments(FloatMoments::new(moment, input, self.float_window(spec)?)));
        };
        let window = self.count_window(spec)?;
        Ok(match (window, moment) {
            (Window::Count(ring), Moment::Mean) => {
                Node::CountMean(CountMean { input, ring, sum: 0, divisor: unit.over(int(spec, 0)?) })
            }
            (window, moment) => {
                Node::CountMoments(CountMoments { moment, input, unit, window, sum: 0, sum_of_squares: 0 })
            }
        })
    }

    fn past(&mut self, past: Past, spec: &NodeSpec) -> Result<(Node, Option<Unit>), String> {
        let ([input], n) = (inputs(spec)?, length(spec)?);
        Ok(match self.unit(input) {
            Some(unit) => {
                let ring = Ring::reserve(&mut self.ints, n as usize)?;
                let keeps = matches!(past, Past::Lag | Past::Diff).then_some(unit);
                (Node::CountPast(CountPast { past, input, ring, divisor: unit.over(1) }), keeps)
            }
            None => {
                (Node::FloatPast(FloatPast { past, input, ring: Ring::reserve(&mut self.floats, n as usize)? }), None)
            }
        })
    }

    /// Sums and differences of prices stay exact; everything else is floats.
    fn binary(&self, op: Binary, a: u32, b: u32) -> (Node, Option<Unit>) {
        let sign = match op {
            Binary::Add => 1,
            Binary::Sub => -1,
            _ => return (Node::Binary(op, a, b), None),
        };
        if let (Some(left), Some(right)) = (self.unit(a), self.unit(b)) {
            let fine = if left.den >= right.den { left } else { right };
            let factor = |unit: Unit| fine.den / unit.den;
            // Units a small factor apart: an instrument's own prices, mids and marks.
            if left.mantissa == right.mantissa
                && fine.den % left.den == 0
                && fine.den % right.den == 0
                && factor(left) <= 2
                && factor(right) <= 2
            {
                let factors = [factor(left), sign * factor(right)];
                return (Node::CountSum(CountSum { inputs: [a, b], factors, divisor: fine.over(1) }), Some(fine));
            }
        }
        (if sign < 0 { Node::Sub(a, b) } else { Node::Binary(op, a, b) }, None)
    }

    fn vpin(&self, spec: &NodeSpec) -> Result<Node, String> {
        let ([price, size], volume) = (inputs(spec)?, number(spec, 0)?);
        if self.unit(price).is_none() {
            return Err("needs a price as its first input".to_owned());
        }
        if volume <= 0.0 {
            return Err(format!("volume = {volume} of a bucket is not above zero"));
        }
        let (buckets, changes, bar_ns) = (at_least(spec, 0, 1)?, at_least(spec, 1, 2)?, at_least(spec, 2, 0)?);
        Ok(Node::Vpin(Box::new(Vpin {
            price,
            size,
            bar_ns,
            bar: None,
            changes: PriceChanges::new(changes as usize),
            buckets: Buckets::new(volume, buckets as usize),
        })))
    }

    fn kyle_lambda(&mut self, spec: &NodeSpec) -> Result<Node, String> {
        let [mid, flow] = inputs(spec)?;
        let (intervals, interval_ns) = (at_least(spec, 0, 2)?, at_least(spec, 1, 0)?);
        let windows = [Window::new(&mut self.floats, intervals, 0)?, Window::new(&mut self.floats, intervals, 0)?];
        let pair = FloatPair::new(PairMoment::Slope, mid, flow, windows);
        Ok(Node::KyleLambda(Box::new(KyleLambda::new(pair, intervals as f64, interval_ns))))
    }

    fn pair(&mut self, moment: PairMoment, spec: &NodeSpec) -> Result<Node, String> {
        let [a, b] = inputs(spec)?;
        Ok(match (self.unit(a), self.unit(b)) {
            (Some(left), Some(right)) => {
                let windows = [self.count_window(spec)?, self.count_window(spec)?];
                Node::CountPair(Box::new(CountPair::new(moment, a, b, (left, right), windows)))
            }
            _ => {
                let windows = [self.float_window(spec)?, self.float_window(spec)?];
                Node::FloatPair(Box::new(FloatPair::new(moment, a, b, windows)))
            }
        })
    }
}

/// Number `index` as a count of at least `least`.
fn at_least(spec: &NodeSpec, index: usize, least: i64) -> Result<i64, String> {
    let value = int(spec, index)?;
    if value < least { Err(format!("integer {index} is {value}, not at least {least}")) } else { Ok(value) }
}

fn adjustment(spec: &NodeSpec) -> Result<Node, String> {
    let (inputs, tick) = (inputs(spec)?, number(spec, 0)?);
    let (imbalances, spreads) = (at_least(spec, 0, 1)?, at_least(spec, 1, 1)?);
    let table: Vec<f64> = (1..spec.numbers.len()).map(|index| number(spec, index)).collect::<Result<_, _>>()?;
    if tick <= 0.0 || imbalances % 2 == 0 || imbalances.checked_mul(spreads) != Some(table.len() as i64) {
        return Err(format!("a table of {imbalances} × {spreads} does not fit {} numbers", table.len()));
    }
    Ok(Node::Adjustment(Box::new(Adjustment { inputs, tick, imbalances: imbalances as usize, table })))
}

fn source(field: Field, spec: &NodeSpec, instruments: &[Instrument]) -> Result<(Node, Option<Unit>), String> {
    let symbol = spec.symbol.ok_or("needs a symbol")?;
    let instrument = instruments.get(symbol as usize);
    let instrument = instrument.ok_or_else(|| format!("symbol {symbol} is not one of {}", instruments.len()))?;
    let parts = if matches!(field, Field::Mid | Field::Price) { 2 } else { 1 };
    let unit = Unit::of(instrument.price_unit, parts)?;
    use Field::{Ask, AskDepth, Bid, BidDepth, Close, High, Imbalance, Last, Low, Mid, Open, Price, QuotedSpread};
    let levels = if matches!(field, Imbalance | BidDepth | AskDepth) { int(spec, 0)? } else { 1 };
    let levels = u32::try_from(levels).ok().filter(|levels| *levels > 0);
    let levels = levels.ok_or("needs at least one level")?;
    let is_price = matches!(field, Open | High | Low | Close | Bid | Ask | Mid | QuotedSpread | Last | Price);
    let source = Source { field, symbol, divisor: unit.over(1), levels, unit: instrument.price_unit.to_f64() };
    Ok((Node::Source(source), is_price.then_some(unit)))
}

fn inputs<const N: usize>(spec: &NodeSpec) -> Result<[u32; N], String> {
    let count = spec.inputs.len();
    spec.inputs.as_slice().try_into().map_err(|_| format!("takes {N} inputs, got {count}"))
}

fn number(spec: &NodeSpec, index: usize) -> Result<f64, String> {
    spec.numbers
        .get(index)
        .copied()
        .filter(|value| value.is_finite())
        .ok_or_else(|| format!("needs finite number {index}"))
}

fn int(spec: &NodeSpec, index: usize) -> Result<i64, String> {
    spec.ints.get(index).copied().ok_or_else(|| format!("needs integer {index}"))
}

fn length(spec: &NodeSpec) -> Result<u64, String> {
    let n = int(spec, 0)?;
    if n < 1 {
        return Err(format!("n = {n} is not at least 1"));
    }
    Ok(n as u64)
}

fn callable(spec: &NodeSpec) -> Result<usize, String> {
    spec.callable.ok_or_else(|| "needs a callable".to_owned())
}

fn half_life(spec: &NodeSpec) -> Result<HalfLife, String> {
    let samples = number(spec, 0)?;
    if samples > 0.0 {
        return Ok(HalfLife::Count { keep: libm::exp2(-1.0 / samples), warm_up: samples.ceil() as u64 });
    }
    match int(spec, 0)? {
        span_ns if span_ns > 0 => Ok(HalfLife::Time(span_ns)),
        span_ns => Err(format!("needs a half-life > 0, got {samples} samples and {span_ns} ns")),
    }
}
