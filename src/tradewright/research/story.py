"""The whole story of one order: who wanted it and why, what the gate said, what the venue answered."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from tradewright.errors import ConfigError, DataError
from tradewright.research import journal as frames
from tradewright.research.reasons import remedy
from tradewright.research.wording import number_text, refusal_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewright.research.journal import Frame, InstrumentNames, Journal, Names
    from tradewright.research.result import Result

WATCHED_SHOWN = 8
NO_JOURNAL = (
    "this run kept no journal, so nobody knows what woke the policy and what it saw. "
    "Run it again with --out DIR, or tw.backtest(…, out=DIR)."
)


class Line(Struct, frozen=True):
    """One step of an order's story.

    Attributes:
        at: When; ``None`` where it belongs to the line above.
        label: ``decide``, ``intent``, a verdict, a request, a report, ``remedy`` or ``note``.
        text: What happened.
    """

    at: dt.datetime | None
    label: str
    text: str


def story(result: Result, order_id: str, journal: Journal | None = None) -> list[Line]:
    """The steps of one order, in the order in which they happened.

    Args:
        result: The run.
        order_id: The order's id, its number in the run, or a beginning of its id that only it has.
        journal: The run's journal; without it the story has no decision and no reports.

    Raises:
        ConfigError: No such order, or several; the nearest are named.
        DataError: The journal is damaged, or that of another run.
    """
    import polars as pl

    found = find(result.orders["order_id"], order_id)
    order = result.orders.row(by_predicate=pl.col("order_id") == found, named=True)
    fills = {
        fill["fill_id"]: fill
        for fill in result.fills.filter(pl.col("order_id") == found).iter_rows(named=True)
    }
    lines = _from_frames(order, fills) if journal is None else _Teller(order, fills, journal).tell()
    if order["status"] in ("accepted", "partially_filled", "pending", "unknown"):
        traded = (
            f"{number_text(order['filled_size'])} of {number_text(order['size'])} traded when the data ended"
        )
        lines.append(Line(order["updated_at"], order["status"], traded))
    if repeats := order.get("repeats"):
        times = "once more" if repeats == 1 else f"{repeats:,} times more"
        if order["status"] == "refused":
            told = f"refused {times} for the same reason, the last time now"
            lines.append(Line(order["updated_at"], "again", told))
        else:
            lines.append(Line(None, "again", f"amendments were refused {times} for the same reason"))
    if hint := remedy(order["reason"]):
        lines.append(Line(None, "remedy", hint))
    if journal is None:
        lines.append(Line(None, "note", NO_JOURNAL))
    return lines


def find(ids: Iterable[str], wanted: str) -> str:
    """The one id that is meant: by itself, by its number, or by its beginning.

    Raises:
        ConfigError: None or several; the nearest are named.
    """
    import difflib

    known = list(ids)
    for whole in (wanted, f"{known[0].rpartition('-')[0]}-{wanted}" if known else wanted):
        if whole in known:
            return whole
    found = [one for one in known if one.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise ConfigError(
            f"{len(found)} orders begin with {wanted!r}.", source="why", remedy=f"One of: {shown}"
        )
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0)
    hint = f"Nearest: {', '.join(near)}." if near else "The run sent no order."
    raise ConfigError(f"no order {wanted!r}.", source="why", remedy=hint)


def order_text(order: dict[str, Any]) -> str:
    """What a row of the orders frame asks for."""
    prices = [
        f" {word} {number_text(order[name])}"
        for name, word in (("price", "@"), ("stop_price", "stop"))
        if order[name] is not None
    ]
    kind = order["type"].replace("_", " ")
    if order["stop_price"] is not None:
        kind = kind.removesuffix("stop").strip()  # The word stands before the price.
    asked = " ".join(
        word for word in (order["side"], number_text(order["size"]), order["symbol"], kind) if word
    )
    return f"{asked}{''.join(prices)} {order['tif']}"


def _from_frames(order: dict[str, Any], fills: dict[int, dict[str, Any]]) -> list[Line]:
    """What the result's frames know without a journal."""
    decided, updated = cast("dt.datetime", order["decided_at"]), cast("dt.datetime", order["updated_at"])
    lines = [Line(decided, "decide", order["policy"])]
    if order["intent"]:
        lines.append(Line(decided, "intent", order["intent"]))
    lines.append(Line(decided, "order", order_text(order)))
    lines.extend(Line(fill["ts_recv"], "filled", _fill(fill)) for fill in fills.values())
    if order["status"] in ("cancelled", "expired", "rejected", "refused"):
        told = order["detail"].removesuffix(remedy(order["reason"])).rstrip("; ")
        why = ": ".join(part for part in (order["reason"], told) if part)
        lines.append(Line(updated, order["status"], why))
    elif order["detail"]:
        lines.append(Line(None, "detail", order["detail"]))
    return lines


class _Teller:
    """Walks a journal once and keeps what belongs to one order."""

    def __init__(self, order: dict[str, Any], fills: dict[int, dict[str, Any]], journal: Journal) -> None:
        self.row = order
        self.fills = fills
        self.journal = journal
        self.names: Names = journal.names
        self.number = self._number_of(order["order_id"])
        self.policy = self._index([one.name for one in self.names.policies], order["policy"])
        self.symbol = self._index([one.symbol for one in self.names.instruments], order["symbol"])
        self.instrument: InstrumentNames = self.names.instruments[self.symbol]
        self.lines: list[Line] = []
        self.is_sent = False
        self.decision: frames.Decision | None = None  # the latest that wanted this order
        self.decided_ns = 0  # of the policy's latest decision
        self.held: int | None = 0  # lots of the policy in the instrument; None where nobody can say
        self.held_then: int | None = 0
        self.is_part = False  # fills of the order are part of what is held
        self.accrued: dict[str, list[frames.Event]] = {"funding": [], "borrow": []}
        self.signs: dict[int, int] = {}  # of the policy's orders in the instrument
        self.booked: dict[int, int] = {}  # signed lots by fill id

    def tell(self) -> list[Line]:
        """The lines of the story."""
        for frame in self.journal:
            self._follow(frame)
            if isinstance(frame, frames.Decision):
                self._decided(frame)
            elif isinstance(frame, frames.Sent | frames.Refused):
                if frame.order == self.number:
                    self._judged(frame)
            elif isinstance(frame, frames.Event):
                if (frame.policy, frame.symbol) == (self.policy, self.symbol):
                    self._happened(frame)
            elif not isinstance(frame, frames.MoneyMoved) and frame.order == self.number:
                self._went_on(frame)
        if not self.lines:
            raise self._stranger()
        for kind, events in self.accrued.items():
            if events:
                amount = sum(int(event.amount) for event in events)
                times = f" in {len(events):,} parts" if len(events) > 1 else ""
                self._add(events[-1].now_ns, kind, f"{self._money(amount)}{times}")
        return self.lines

    def _stranger(self) -> DataError:
        return DataError(
            f"does not know order {self.row['order_id']}: it is the journal of another run.",
            source=str(self.journal.path),
            remedy="Run again with --out; the folder was written twice.",
        )

    def _number_of(self, order_id: str) -> int:
        if not order_id.startswith(f"{self.names.run}-"):
            raise self._stranger()
        return self.names.order(order_id)

    def _index(self, known: list[str], name: str) -> int:
        if name not in known:
            raise self._stranger()
        return known.index(name)

    # Positions: fills and what changes them without one.

    def _follow(self, frame: Frame) -> None:
        if isinstance(frame, frames.Sent) and (frame.policy, frame.symbol) == (self.policy, self.symbol):
            self.signs[frame.order] = 1 if frame.side == 0 else -1
        elif isinstance(frame, frames.Reported) and frame.order in self.signs:
            execution = frame.execution
            if execution is not None and execution.fill_id not in self.booked:
                lots = self.signs[frame.order] * execution.lots
                self.booked[execution.fill_id] = lots
                self._move(lots)
                self.is_part = self.held != 0 and (self.is_part or frame.order == self.number)
            elif frame.kind == "fill_reversed":
                # Of a fill from before a split nobody can say what it had become.
                self._move(-self.booked[undone] if (undone := int(frame.values[0])) in self.booked else None)

    def _move(self, lots: int | None) -> None:
        self.held = None if self.held is None or lots is None else self.held + lots

    def _happened(self, event: frames.Event) -> None:
        before = "" if self.held is None else f" {number_text(self.instrument.size(self.held))}"
        after = f"position{before} became {number_text(self.instrument.size(event.lots_after))}"
        told = ""
        match event.kind:
            case "funding" | "borrow":  # daily, or more often: told together at the end
                if self.is_part:
                    self.accrued[event.kind].append(event)
            case "dividend":
                told = self._money(int(event.amount))
            case "split":
                told = f"{event.numerator} for {event.denominator}; {after}"
            case "settlement":
                price = number_text(self.instrument.price(event.price))
                told = f"at {price}; {after}, which made {self._money(int(event.realised))}"
            case "refund":
                told = f"void: {after}, and what it had cost came back"
        if told and self.is_part:
            self._add(event.now_ns, event.kind, told)
        if event.kind in ("split", "settlement", "refund"):
            self.held = event.lots_after
            self.booked.clear()
            self.is_part = self.is_part and self.held != 0

    def _money(self, amount_e12: int) -> str:
        return f"{amount_e12 / 10**12:+,.2f} {self.instrument.currency}"

    # Decision, verdict, requests and reports.

    def _decided(self, decision: frames.Decision) -> None:
        if decision.policy != self.policy:
            return
        self.decided_ns = decision.now_ns
        if self.lines:
            return
        if any(self._wants(intent) for intent in decision.intents):
            self.decision, self.held_then = decision, self.held

    def _wants(self, intent: frames.WantedIntent) -> bool:
        """Whether an intent may have made the order."""
        origin = self.row["intent"]
        match intent:
            case frames.WantedPosition():
                return origin == "target_position" and intent.symbol == self.symbol
            case frames.WantedQuotes():
                return origin == "target_quotes" and intent.symbol == self.symbol
            case frames.WantedOrder():
                is_ours = intent.symbol == self.symbol and frames.SIDES[intent.side] == self.row["side"]
                return origin == "submit" and is_ours
            case _:
                return False

    def _judged(self, frame: frames.Sent | frames.Refused) -> None:
        if self.is_sent and isinstance(frame, frames.Refused):
            # The frame of a refused amendment carries the order's own time; the last decision asked for it.
            self._add(self.decided_ns, "refused", f"amendment: {self._refusal(frame)}")
            self.lines.append(Line(None, "remedy", remedy(frame.reason)))
            return
        self._introduce(frame)
        if isinstance(frame, frames.Refused):
            self._add(frame.decided_ns, "refused", self._refusal(frame))
        else:
            self.is_sent = True
            self._shrunk(frame.decided_ns, frame)
            self._add(frame.decided_ns, "sent", self._order(frame))

    def _shrunk(self, at_ns: int, frame: frames.Sent | frames.Amended) -> None:
        if frame.shrunk_by:
            sizes = [number_text(self.instrument.size(lots)) for lots in (frame.asked_lots, frame.lots)]
            self._add(at_ns, "shrunk", f"{frame.shrunk_by} lets {sizes[1]} pass of {sizes[0]}")

    def _introduce(self, frame: frames.Sent | frames.Refused) -> None:
        policy = self.names.policies[self.policy]
        if frame.origin == frames.LIQUIDATION:
            self._add(frame.decided_ns, "decide", f"margin call: {policy.name} is closed out at the market")
            return
        decision = self.decision
        if decision is None:
            self._add(frame.decided_ns, "decide", policy.name)
            return
        woken = ", ".join(policy.wakes[wake] for wake in decision.woken_by) or "nothing"
        facts = [
            f"{name} {value_text(value)}"
            for name, value in zip(policy.watched, decision.watched, strict=True)
        ]
        if len(facts) > WATCHED_SHOWN:
            facts[WATCHED_SHOWN:] = [f"{len(facts) - WATCHED_SHOWN} more"]
        if self.held_then is not None:
            facts.append(f"held {number_text(self.instrument.size(self.held_then))}")
        self._add(decision.now_ns, "decide", f"{policy.name} woken by {woken}; {', '.join(facts)}")
        wanted = max(filter(self._wants, decision.intents), key=lambda intent: self._likeness(intent, frame))
        self._add(decision.now_ns, "intent", self._intent(wanted, frame))
        if decision.now_ns != frame.decided_ns:
            self._add(frame.decided_ns, "again", "the target still stands, and this much is missing")

    def _likeness(self, intent: frames.WantedIntent, frame: frames.Sent | frames.Refused) -> int:
        """How well one of several submits of a decision fits an order; targets all fit alike."""
        if not isinstance(intent, frames.WantedOrder):
            return 0
        if isinstance(frame, frames.Refused) and frame.reason in ("bad_size", "off_grid"):
            return int(frame.value in (intent.size, intent.limit, intent.stop))
        size, limit = self.instrument.size(frame.lots), self.instrument.price(frame.limit)
        return sum(
            (
                intent.order_type == frame.order_type,
                intent.tif == frame.tif,
                math.isclose(intent.size, float(size)),
                math.isclose(intent.limit or 0.0, float(limit)),
                intent.post_only == frame.post_only,
                intent.reduce_only == frame.reduce_only,
            )
        )

    def _intent(self, intent: frames.WantedIntent, frame: frames.Sent | frames.Refused) -> str:
        match intent:
            case frames.WantedPosition():
                bound = f" @ {value_text(intent.limit)}" if intent.limit is not None else ""
                return f"hold {value_text(intent.size)}{bound}{', passively' if intent.passive else ''}"
            case frames.WantedQuotes():
                if frame.side == 0:
                    return f"bid {value_text(intent.bid_size)} @ {value_text(intent.bid)}"
                return f"ask {value_text(intent.ask_size)} @ {value_text(intent.ask)}"
            case frames.WantedOrder():
                prices = "".join(
                    f" {word} {value_text(price)}"
                    for word, price in (("@", intent.limit), ("stop", intent.stop))
                    if price is not None
                )
                return (
                    f"{frames.SIDES[intent.side]} {value_text(intent.size)} {intent.order_type}{prices} "
                    f"{frames.TIFS[intent.tif]}"
                )
            case _:
                return ""

    def _order(self, frame: frames.Sent) -> str:
        stop, limit = (number_text(self.instrument.price(units)) for units in (frame.stop, frame.limit))
        prices = {
            "limit": f" @ {limit}",
            "stop": f" at {stop}",
            "stop_limit": f" at {stop}, then @ {limit}",
            "trailing_stop": f" by {stop}",
        }.get(frame.order_type, "")
        flags = [
            word
            for word, flag in (("post-only", frame.post_only), ("reduce-only", frame.reduce_only))
            if flag
        ]
        return " ".join(
            [
                frames.SIDES[frame.side],
                number_text(self.instrument.size(frame.lots)),
                self.instrument.symbol,
                frame.order_type + prices,
                frames.TIFS[frame.tif],
                *flags,
            ]
        )

    def _refusal(self, frame: frames.Refused) -> str:
        # Of an amendment the journal has the price that the order had, not the one it was to have.
        named = frame.limit and not self.is_sent
        price = number_text(self.instrument.price(frame.limit)) if named else "the price"
        told = frame.text or refusal_text(frame.reason, frame.value, frame.bound, price=price)
        if frame.whose >= 0 and "limit" in told and not frame.text:
            told += f" of {self.names.policies[frame.whose].name}"
        return f"{frame.reason}: {told}" if told else frame.reason

    def _went_on(self, frame: frames.Cancelled | frames.Amended | frames.Reported) -> None:
        match frame:
            case frames.Cancelled():
                self._add(frame.now_ns, "cancel", f"asked for: {frame.reason}")
            case frames.Amended():
                self._shrunk(frame.now_ns, frame)
                self._add(frame.now_ns, "amend", f"asked for: {self._terms(frame.limit, frame.lots)}")
            case frames.Reported():
                self._add(frame.ts_recv_ns, frame.kind, self._report(frame))

    def _report(self, frame: frames.Reported) -> str:
        at_venue = ""
        if frame.ts_event_ns != frame.ts_recv_ns:
            at_venue = f"at the venue {_moment(frame.ts_event_ns):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        said = frame.reason
        if (execution := frame.execution) is not None:
            fill = self.fills.get(execution.fill_id)
            said = _fill(fill) if fill is not None else f"fill {execution.fill_id}, of no order here"
        elif (amended := frame.amended) is not None:
            said = self._terms(*amended)
        elif frame.kind == "fill_reversed":
            said = f"the venue undid fill {frame.values[0]}"
        return "; ".join(part for part in (said, at_venue) if part)

    def _terms(self, limit: int, lots: int) -> str:
        return f"{number_text(self.instrument.size(lots))} @ {number_text(self.instrument.price(limit))}"

    def _add(self, at_ns: int, label: str, text: str) -> None:
        self.lines.append(Line(_moment(at_ns), label, text))


def _fill(fill: dict[str, Any]) -> str:
    return (
        f"{fill['side']} {number_text(fill['size'])} @ {number_text(fill['price'])} as {fill['liquidity']}, "
        f"fee {fill['fee']:,.2f} {fill['currency']}; position {number_text(fill['position'])}"
    )


def _moment(at_ns: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at_ns // 1000)
