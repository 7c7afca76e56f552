"""Market making on a recorded order book: what fills, what it earns, and how much of that is a guess.

    python examples/05_market_making_l2.py [RECORDING.gz] [--out runs/l2]

RECORDING.gz is what a recorder of Binance's streams wrote: on each line the receive time in ns, a blank, and
the message (depth with a snapshot, and trades). Without one the example takes
``binance_usdm_btcusdt_20240808.gz`` from the folder ``l2_crypto`` under TRADEWRIGHT_SHARED_DATA; and without
that it makes up a minute of a market, which shows the machine and says nothing about any market.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import os
from pathlib import Path

import msgspec
import numpy as np

import tradewright as tw
from tradewright.strategies import InventorySkewMaker

MS = 1_000_000  # in nanoseconds
RECORDING = Path("l2_crypto", "binance_usdm_btcusdt_20240808.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description="Market making on a recorded order book.")
    parser.add_argument("recording", type=Path, nargs="?", help="a Binance stream recording (.gz)")
    parser.add_argument("--out", type=Path, default=Path("runs/l2"), help="folder to write to")
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    recording = find(given.recording, out)

    # 1. Into a store: every message is checked, the book is synchronised by the venue's own rules. The
    #    recorder's clock may run behind; "estimate" shifts it until nothing arrives before it happened.
    store = tw.data.Store(out / "store")
    store.import_files("binance", [recording], clock_offset="estimate")
    symbol = store.symbols("book_l2")[0]
    book, trades = store.read(symbol, "book_l2"), store.read(symbol, "trades")
    # A recording does not say what you pay: 0.02 % for what rests, 0.05 % for what takes.
    fees = (tw.Fees(maker_bps=2, taker_bps=5),)
    known = store.instrument(symbol)
    if known is None or not isinstance(book, tw.BookEvents):
        raise SystemExit(f"{recording} holds no order book.")
    instrument = msgspec.structs.replace(known, fees=fees)
    book = dataclasses.replace(book, instrument=instrument)
    trades = dataclasses.replace(trades, instrument=instrument)

    # 2. Is the book sound? A gap or a crossed book would make everything below worthless.
    replayed = tw.books.L2Book(instrument).apply(book)
    if not replayed.integrity.is_trusted:
        raise SystemExit(f"The book cannot be trusted: {replayed.integrity}")
    delay_ns = int(np.median(book.ts_recv_ns - book.ts_event_ns))
    print(f"{book}\n{trades}\nThe last best prices: {replayed.best}")
    print(f"A message is {delay_ns / MS:.1f} ms old when it reaches us, at the median.\n")

    # 3. The maker quotes at the touch and leans against what it holds. An order needs 10 ms to the venue, and
    #    what the feed needs to us on top: orders are matched in the order in which records reached us.
    tick, lot = instrument.tick_size_at(replayed.best.bid), instrument.lot_size
    policy = InventorySkewMaker(
        symbol,
        half_spread=tick / 2,
        penalty=tick / lot / 200,
        size=10 * lot,
        position_max=50 * lot,
        refresh="100ms",
    )

    def run(
        queue: tw.RiskAverseQueue | tw.ProbabilisticQueue, way_ms: int, folder: Path | None = None
    ) -> tw.Result:
        latency = tw.ConstantLatency(entry_ns=way_ms * MS + delay_ns, response_ns=way_ms * MS)
        venue = tw.Venue(latency=latency, fills=tw.Fills(queue=queue))
        return tw.backtest(policy, [book, trades], cash=100_000, venue=venue, out=folder)

    result = run(tw.RiskAverseQueue(), 10, out / "run")
    print(result)

    # 4. Where did it come from? A fill off the mid earns half a spread; what the mid does next takes some of
    #    it back, or more; fees come on top. For each horizon the parts sum to the total exactly.
    print("\nadverse selection   spread  adverse  inventory     fees    total  markout")
    for horizon in ("100ms", "1s", "10s", "60s"):
        made = result.market_making(horizon=horizon)
        parts = made.parts
        if parts is None:
            print(f"nothing to take apart: {made.undefined['parts']}")
            break
        markout = made.markout_bps.get(horizon)
        shown = "no fill" if markout is None else f"{markout:+.2f} bps"
        print(
            f"after {horizon:>5}       {parts.spread_capture:8.2f} {parts.adverse_selection:8.2f} "
            f"{parts.inventory:10.2f} {parts.fees + parts.rebates:8.2f} {parts.total:8.2f}  {shown}"
        )
    page = result.book_picture(out / "book.html")
    print(f"Our quotes and fills on the book: {page}")

    # 5. Nobody recorded where our orders would have stood in the queue. Several guesses beside each other say
    #    how much of the result is one. Risk averse: only trades move us up. The others: some of those who
    #    cancelled stood before us, by "log" more of them. (The same for a configuration:
    #    `tradewright backtest CONFIG.toml --compare-fills`.)
    models = {
        "risk averse": tw.RiskAverseQueue(),
        "power 3": tw.ProbabilisticQueue(form="power", exponent=3),
        "log": tw.ProbabilisticQueue(form="log"),
    }
    print("\nqueue model    way    orders  fills  before fees     fees       net")
    for name, queue in models.items():
        for way_ms in (0, 10, 50):
            one = run(queue, way_ms).summary
            fees = one.fees or 0.0
            print(
                f"{name:12} {way_ms:3} ms  {one.orders:7,}  {one.fills:5,}  {one.net_pnl + fees:11.2f}  "
                f"{fees:7.2f}  {one.net_pnl:8.2f}"
            )

    page = result.report(out / "report.html")
    print("\nWhat to look at: fills fall with the way to the venue, and mostly with a more careful queue. A")
    print("maker that loses on each fill loses less where it fills less: no argument for a slow line.")
    print("And what nobody recorded is missing: how others would have answered our quotes.")
    print(f"\nThe report: {page}")


def find(given: Path | None, out: Path) -> Path:
    """The recording: the one given, the shared one, or one that is made up."""
    if given is not None:
        return given
    named = os.environ.get("TRADEWRIGHT_SHARED_DATA")
    if named and (Path(named) / RECORDING).is_file():
        return Path(named) / RECORDING
    print("No recording was given, so this is a MADE-UP market of one minute. With a real one:")
    print("    python examples/05_market_making_l2.py RECORDING.gz\n")
    return make_up(out / "made_up.gz")


def make_up(path: Path) -> Path:
    """A minute in the recorder's format: five levels a side of a mid that walks, trades at the touch.

    Args:
        path: File to write.
    """
    draws, start = np.random.default_rng(5), 1_723_161_256_000  # ms
    sides: dict[str, dict[int, int]] = {"b": {}, "a": {}}
    lines: list[tuple[int, dict[str, object]]] = []
    middle = 10_000  # in ticks of 0.01
    for number in range(600):
        at = start + 100 * number
        middle += int(draws.choice([-1, 0, 1], p=[0.03, 0.94, 0.03]))
        changes: dict[str, list[list[str]]] = {}
        for side, sign in (("b", -1), ("a", 1)):
            levels = {middle + sign * step: int(draws.integers(1, 21)) for step in range(1, 6)}
            changed = {tick: levels.get(tick, 0) for tick in sides[side] | levels}
            sides[side] = levels
            changes[side] = [[f"{tick / 100:.2f}", f"{size / 10:.1f}"] for tick, size in changed.items()]
        if number == 0:
            snapshot: dict[str, object] = {
                "lastUpdateId": 0,
                "T": at,
                "bids": changes["b"],
                "asks": changes["a"],
            }
            lines.append((at, snapshot))
            continue
        if draws.random() < 0.6:  # just before the message that shows what it left
            sold = draws.random() < 0.5
            price, size = f"{(middle + (-1 if sold else 1)) / 100:.2f}", f"{draws.integers(1, 5) / 10:.1f}"
            trade = {"e": "trade", "E": at - 1, "T": at - 1, "s": "BTCUSDT", "p": price, "q": size, "m": sold}
            lines.append((at + 2, {"stream": "btcusdt@trade", "data": trade}))
        data = {
            "e": "depthUpdate",
            "E": at,
            "T": at,
            "s": "BTCUSDT",
            "U": number,
            "u": number,
            "pu": number - 1,
        }
        lines.append((at + 3, {"stream": "btcusdt@depth", "data": data | changes}))
    with gzip.open(path, "wt") as file:
        file.writelines(f"{stamp * MS} {json.dumps(message)}\n" for stamp, message in lines)
    return path


if __name__ == "__main__":
    main()
