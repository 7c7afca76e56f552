//! What stands at the edge: texts for the kernel's numbers, and the Python classes of values.

use std::sync::OnceLock;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use tradewright_kernel::instrument::SymbolId;
use tradewright_kernel::order::OrderId;

use crate::fields::Field;

/// Texts and Python objects that a run's numbers stand for.
pub struct Names {
    /// Symbols by id.
    pub symbols: Vec<String>,
    /// Symbol to id, for look-ups from Python.
    pub ids: Py<PyDict>,
    /// The ids of the first few texts that were looked up, which policies mostly keep and give again.
    pub known: [OnceLock<(Py<PyString>, SymbolId)>; 4],
    /// The users' instruments by id.
    pub instruments: Vec<Py<PyAny>>,
    /// Policies by id.
    pub policies: Vec<String>,
    /// Labels of each policy's wake conditions: the same objects at each wake, whose hash Python keeps.
    pub wakes: Vec<Vec<Py<PyString>>>,
    /// Where a watched feature keeps its place in the graph.
    pub slot: Field,
    /// Currencies by id.
    pub currencies: Vec<String>,
    /// Prefix of the run's client order ids.
    pub run: String,
}

impl Names {
    /// The id of a symbol; an error that names the nearest one if there is no such symbol.
    #[inline]
    pub fn symbol(&self, symbol: &Bound<'_, PyAny>) -> PyResult<SymbolId> {
        for (known, id) in self.known.iter().map_while(OnceLock::get) {
            if symbol.is(known) {
                return Ok(*id);
            }
        }
        self.look_up(symbol)
    }

    fn look_up(&self, symbol: &Bound<'_, PyAny>) -> PyResult<SymbolId> {
        match self.ids.bind(symbol.py()).get_item(symbol)? {
            Some(id) => {
                let id = id.extract()?;
                if let Ok(text) = symbol.cast_exact::<PyString>()
                    && let Some(free) = self.known.iter().find(|known| known.get().is_none())
                {
                    free.get_or_init(|| (text.clone().unbind(), id));
                }
                Ok(id)
            }
            None => Err(self.unknown(symbol)),
        }
    }

    #[cold]
    fn unknown(&self, symbol: &Bound<'_, PyAny>) -> PyErr {
        let py = symbol.py();
        if symbol.cast::<PyString>().is_err() {
            return PyTypeError::new_err(format!("a symbol is a str, not {symbol:?}"));
        }
        let error = py
            .import("tradewright.errors")
            .and_then(|errors| errors.getattr("UnknownSymbolError"))
            .and_then(|class| class.call1((symbol, self.symbols.clone())));
        match error {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    }

    /// The client order id of an order.
    pub fn order_id(&self, order: OrderId) -> String {
        format!("{}-{}", self.run, order + 1)
    }

    /// The order that a client order id of this run names.
    pub fn order(&self, text: &str) -> Option<OrderId> {
        let number = text.strip_prefix(&self.run)?.strip_prefix('-')?;
        number.parse::<OrderId>().ok()?.checked_sub(1)
    }
}

/// The fields of a `TargetPosition`.
pub struct PositionFields {
    pub symbol: Field,
    pub size: Field,
    pub limit: Field,
    pub passive: Field,
}

/// The fields of a `TargetQuotes`.
pub struct QuotesFields {
    pub symbol: Field,
    pub bid: Field,
    pub ask: Field,
    pub replace: Field,
}

/// The Python classes that the binding makes and recognises, looked up once.
pub struct Classes {
    /// `TargetPosition`.
    pub target_position: Py<PyType>,
    /// `TargetQuotes`.
    pub target_quotes: Py<PyType>,
    /// `Submit`.
    pub submit: Py<PyType>,
    /// `Cancel`.
    pub cancel: Py<PyType>,
    /// `Amend`.
    pub amend: Py<PyType>,
    /// `CancelAll`.
    pub cancel_all: Py<PyType>,
    /// `Position`.
    pub holding: Py<PyType>,
    /// `Order`.
    pub order: Py<PyType>,
    /// `ExecutionReport`.
    pub report: Py<PyType>,
    /// `Fill`.
    pub fill: Py<PyType>,
    /// `Allow`.
    pub allow: Py<PyType>,
    /// `Shrink`.
    pub shrink: Py<PyType>,
    /// `Refused`.
    pub refused: Py<PyType>,
    /// `Halt`.
    pub halt: Py<PyType>,
    /// Of `TargetPosition`.
    pub position: PositionFields,
    /// Of `TargetQuotes`.
    pub quotes: QuotesFields,
}

impl Classes {
    /// Looks them up in `tradewright.core`.
    pub fn load(py: Python<'_>) -> PyResult<Classes> {
        let class = |module: &str, name: &str| -> PyResult<Py<PyType>> {
            Ok(py.import(module)?.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        let (intents, risk) = ("tradewright.core.intents", "tradewright.core.risk");
        let execution = "tradewright.core.execution";
        let (target_position, target_quotes) = (class(intents, "TargetPosition")?, class(intents, "TargetQuotes")?);
        let of_position = |name| Field::of(target_position.bind(py), name);
        let of_quotes = |name| Field::of(target_quotes.bind(py), name);
        Ok(Classes {
            position: PositionFields {
                symbol: of_position("symbol")?,
                size: of_position("size")?,
                limit: of_position("limit")?,
                passive: of_position("passive")?,
            },
            quotes: QuotesFields {
                symbol: of_quotes("symbol")?,
                bid: of_quotes("bid")?,
                ask: of_quotes("ask")?,
                replace: of_quotes("replace")?,
            },
            target_position,
            target_quotes,
            submit: class(intents, "Submit")?,
            cancel: class(intents, "Cancel")?,
            amend: class(intents, "Amend")?,
            cancel_all: class(intents, "CancelAll")?,
            holding: class("tradewright.core.position", "Position")?,
            order: class("tradewright.core.order", "Order")?,
            report: class(execution, "ExecutionReport")?,
            fill: class(execution, "Fill")?,
            allow: class(risk, "Allow")?,
            shrink: class(risk, "Shrink")?,
            refused: class(risk, "Refused")?,
            halt: class(risk, "Halt")?,
        })
    }
}
