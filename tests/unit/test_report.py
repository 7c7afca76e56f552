"""The page: self-contained, deterministic, safe with hostile text, and drawn by valid figures."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_samples import curve_result, frame, ns, trading_result, walk

from browser import drawn_charts
from tradewright.errors import DataError, UnknownSymbolError
from tradewright.research.benchmark import benchmark_of
from tradewright.research.compare import compare
from tradewright.research.figures import downsample
from tradewright.research.report import page
from tradewright.research.summary import curve_of

if TYPE_CHECKING:
    from pathlib import Path


class Outline(HTMLParser):
    """Tags, attributes and text; fails on a tag that is closed out of turn."""

    VOID = {"meta", "br", "img", "input", "link"}  # noqa: RUF012  # never changed

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.figures: list[dict[str, Any]] = []
        self.text: list[str] = []
        self._is_figure = False
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values[name] or "" for name in ("src", "href") if name in values]
        self._is_figure = values.get("type") == "application/json"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._is_figure and self.open[-1] == "script":
            self.figures.append(json.loads(data))
        elif self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture(scope="module")
def momentum_page() -> str:
    return page({"Momentum": trading_result()})


@pytest.fixture(scope="module")
def both_page() -> str:
    return page(
        {"Momentum": trading_result(), "Pairs": trading_result(11, name="Pairs", symbols=("SPX", "NDX"))}
    )


def unpacked(array: dict[str, str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype="<f8")


def test_nothing_is_fetched(momentum_page: str, both_page: str) -> None:
    for html in (momentum_page, both_page):
        assert [link for link in Outline(html).links if not link.startswith("#")] == []
        assert "default-src 'none'" in html
        assert "sendChartToCloud" in html.split("modeBarButtonsToRemove")[-1][:80]  # Its button would upload.
        style = html.split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style


def test_plotly_stands_in_the_page_once(both_page: str) -> None:
    assert both_page.count("plotly.js v") == 1
    assert len(both_page) < 7_000_000


def test_ids_are_unique_and_scripts_find_theirs(both_page: str) -> None:
    outline = Outline(both_page)
    assert len(outline.ids) == len(set(outline.ids))
    charts = re.findall(r'<div class="chart" id="([^"]+)"', both_page)
    assert len(charts) == 6  # Growth; equity and price of one; equity and two prices of the other.
    assert all(f"{chart}-data" in outline.ids for chart in charts)
    wanted = re.findall(r'data-log-for="([^"]+)"|<option value="([^"]+)"|href="#([^"]+)"', both_page)
    assert {name for names in wanted for name in names if name} <= set(outline.ids)


def test_equal_results_give_equal_bytes(momentum_page: str, tmp_path: Path) -> None:
    path = trading_result().report(tmp_path / "deep" / "report.html")
    assert path.read_bytes() == momentum_page.encode()
    assert page({"Momentum": trading_result(seed=8)}) != momentum_page


def test_the_same_result_twice_has_two_sections() -> None:
    outline = Outline(page({"a": trading_result(bars=300), "b": trading_result(bars=300)}))
    assert len(outline.ids) == len(set(outline.ids))


def test_a_run_of_another_time_is_named_and_not_drawn_beside_the_first() -> None:
    years = trading_result(bars=300)
    hour = curve_result(
        [100.0, 101.0, 99.0], at=[ns("2031-01-01") + minute * 60 * 10**9 for minute in range(3)]
    )
    outline = Outline(page({"years": years, "hour": hour}))
    assert [trace["name"] for trace in outline.figures[0]["data"]][:2] == ["years", "Buy and hold SPX"]
    assert any("Of another time, and not drawn: hour." in text for text in outline.text)
    beside = Outline(page({"years": years, "again": years}))
    assert [trace["name"] for trace in beside.figures[0]["data"]][:2] == ["years", "again"]


def test_figures_are_valid_for_plotly(both_page: str) -> None:
    from plotly import graph_objects  # pyright: ignore[reportMissingTypeStubs]  # ships no types

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"^@font$", "Arial", re.sub(r"^@(?!font)[\w-]+$", "#123456", value))
        if isinstance(value, dict):
            return {key: plain(item) for key, item in cast("dict[str, Any]", value).items()}
        return [plain(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value

    figures = Outline(both_page).figures
    assert len(figures) == 6
    for figure in figures:
        graph_objects.Figure(plain(figure))  # Refuses what plotly does not know.


def test_colours_of_figures_are_in_the_style_sheet_twice(both_page: str) -> None:
    names = set(re.findall(r'"@([\w-]+)"', json.dumps(Outline(both_page).figures)))
    style = both_page.split("<style>")[1].split("</style>")[0]
    for name in names - {"font"}:
        assert len(re.findall(rf"--{name}:", style)) == 2, name  # Light and dark.


def test_equity_chart_shows_the_curve_and_its_drawdown(momentum_page: str) -> None:
    result = trading_result()
    figure = next(figure for figure in Outline(momentum_page).figures if "yaxis2" in figure["layout"])
    held, equity, fall = figure["data"]
    assert unpacked(equity["y"]).tolist() == [100_000.0, *result.equity["equity"].to_list()]
    assert unpacked(fall["y"]).min() == pytest.approx(result.summary.max_drawdown)
    closes_ = result.prices["SPX"]["close"].to_list()
    assert unpacked(held["y"])[-1] == pytest.approx(100_000 * closes_[-1] / closes_[0])


def test_price_chart_has_a_marker_a_fill(momentum_page: str) -> None:
    result = trading_result()
    figure = next(figure for figure in Outline(momentum_page).figures if figure["data"][0]["name"] == "SPX")
    by_name = {trace["name"]: trace for trace in figure["data"]}
    for name, side in (("Buy", "buy"), ("Sell", "sell")):
        fills = result.fills.filter(pl.col("side") == side)
        assert unpacked(by_name[name]["y"]).tolist() == fills["price"].to_list()
        at = fills["ts_event"].to_physical().to_numpy() / 1e6
        assert unpacked(by_name[name]["x"]).tolist() == at.tolist()


def test_refusals_are_counted_with_what_to_do(momentum_page: str) -> None:
    text = " ".join(Outline(momentum_page).text)
    refused = trading_result().orders.filter(pl.col("status") == "refused")
    for reason, count in refused.group_by("reason").len().iter_rows():
        row = re.search(rf"<td><code>{reason}</code></td><td class=\"n\">{count}</td>", momentum_page)
        assert row is not None, reason
    assert "Aim for a smaller position, or raise risk.position_max between runs." in text


def test_what_one_must_know_is_on_the_page(momentum_page: str) -> None:
    text = " ".join(Outline(momentum_page).text)
    for part in (
        "The curve is one path; it says nothing about the future.",
        "daily bars, filled at the next open",
        "A simulation is not a forecast.",
        "252 daily returns a year, as given",
        trading_result().digest()[:16],
    ):
        assert part in text


def test_hostile_names_stay_text() -> None:
    evil = '</script><img src=x onerror="alert(1)">'
    base = trading_result(bars=300, name=evil, symbols=(evil,))
    outline = Outline(page({evil: base, "b": base}, title=evil))
    assert not any(link == "x" for link in outline.links)
    assert evil in "".join(outline.text)


def test_the_monthly_table_is_the_compounded_days(momentum_page: str) -> None:
    daily = trading_result().daily[1:]
    march = daily.filter((pl.col("date").dt.year() == 2014) & (pl.col("date").dt.month() == 3))
    whole = float(np.prod(1 + march["daily_return"].to_numpy())) - 1
    row = re.search(r"<tr><th>2014</th>(.*?)</tr>", momentum_page)
    assert row is not None
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row[1])
    assert cells[2] == f"{whole * 100:.1f}"
    assert len(cells) == 13


def test_a_run_without_anything_still_has_a_page() -> None:
    text = " ".join(Outline(page({"Nothing": curve_result([])})).text)
    assert "The equity curve has no points." in text
    assert "No order was made." in text


def test_a_report_is_a_file_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder\. Name the file"):
        trading_result(symbols=("SPX",), bars=30).report(tmp_path)
    assert not list(tmp_path.parent.glob("*.part"))


def test_a_report_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one result"):
        page({})


# Benchmark --------------------------------------------------------------------------------------------------


def test_benchmark_may_be_a_symbol_a_frame_or_absent() -> None:
    result = trading_result(symbols=("SPX", "NDX"), bars=300)
    curve = curve_of(result)
    default, named = benchmark_of(result, curve, None), benchmark_of(result, curve, "NDX")
    assert default is not None
    assert named is not None
    assert (default.name, named.name) == ("Buy and hold SPX", "Buy and hold NDX")
    given_ = benchmark_of(result, curve, result.prices["NDX"].select("at", pl.col("close").alias("equity")))
    assert given_ is not None
    assert given_.values.tolist() == named.values.tolist()
    own = trading_result(symbols=("SPX", "NDX"), bars=300, benchmark="NDX")
    assert getattr(benchmark_of(own, curve, None), "name", "") == "Buy and hold NDX"
    assert benchmark_of(curve_result([1.0]), curve_of(curve_result([1.0])), None) is None


def test_benchmarks_that_cannot_be_used_say_why() -> None:
    result = trading_result(bars=300)
    curve = curve_of(result)
    with pytest.raises(UnknownSymbolError, match="unknown symbol 'SPY'"):
        benchmark_of(result, curve, "SPY")
    with pytest.raises(DataError, match=r"benchmark: has the columns a\. It needs at and close"):
        benchmark_of(result, curve, pl.DataFrame({"a": [1]}))
    late = frame("prices", [{"at": 1, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}])
    with pytest.raises(DataError, match="has no positive price during the run"):
        benchmark_of(result, curve, late)
    naive = late.with_columns(pl.col("at").dt.replace_time_zone(None))
    with pytest.raises(DataError, match="has times without a zone"):
        benchmark_of(result, curve, naive)


# Down to what a screen can show -----------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 60))
def test_downsampling_keeps_ends_and_extremes(values: list[float], points_max: int) -> None:
    array = np.array(values)
    kept = downsample(array, points_max)
    assert len(kept) <= max(points_max, 4)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    assert (array[kept].min(), array[kept].max()) == (array.min(), array.max())
    if len(values) <= points_max:
        assert len(kept) == len(values)


def test_a_long_run_has_a_small_page() -> None:
    times = [1_600_000_000_000_000_000 + i * 60_000_000_000 for i in range(200_000)]
    html = page({"Long": curve_result(walk(200_000, 3, sigma=0.0004, drift=0.0), times)})
    assert len(html) < 5_500_000


# In a browser, where there is one ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_browser_draws_every_chart_without_an_error(tmp_path: Path) -> None:
    path = compare([trading_result(bars=600), trading_result(11, 600, name="Pairs")]).report(
        tmp_path / "report.html"
    )
    assert drawn_charts(path, tmp_path, 2 * 5) >= 2 * 5


SECOND = 1_000_000_000


def test_drawdowns_of_a_short_run_have_times() -> None:
    begin = ns("2024-03-01T10:00:00")
    equity = [100.0, 99.0, 98.0, 101.0, 100.5]
    short = curve_result(equity, [begin + 90 * SECOND * row for row in range(5)], start_ns=begin)
    table = page({"run": short}).split("Deepest drawdowns")[1].split("</table>")[0]
    cells = re.findall(r"<td[^>]*>(?:<span[^>]*>)?([^<]*)", table)
    assert cells[:5] == [
        "-2.00 %", "2024-03-01 10:00:00", "2024-03-01 10:03:00", "2024-03-01 10:04:30", "4.5 min"
    ]  # fmt: skip
    assert cells[8] == "not yet"
    long = page({"run": trading_result()}).split("Deepest drawdowns")[1].split("</table>")[0]
    assert re.search(r">\d{4}-\d\d-\d\d<", long)
    assert not re.search(r"\d\d:\d\d:\d\d", long)


def test_correlations_that_nobody_has_are_not_shown() -> None:
    day = curve_result([100.0, 101.0])
    other = curve_result([100.0, 99.0])
    long, longer = trading_result(1), trading_result(2)
    heading = "Correlation of daily returns"
    assert heading not in page({"day": day, "other": other})
    both = page({"day": day, "long": long, "longer": longer})
    table = both.split(heading)[1].split("</table>")[0]
    assert "long" in table
    assert "longer" in table
    assert "day<" not in table.removeprefix(heading)


def test_a_comparison_says_once_what_holds_for_several() -> None:
    runs = {"a": curve_result([100.0]), "b": curve_result([100.0]), "c": trading_result()}
    lines = str(compare(runs)).splitlines()
    shared = [line for line in lines if "undefined (" in line and "needs at least" in line]
    assert shared
    assert all(line.startswith("a, b: ") for line in shared)
    twins = str(compare({"a": curve_result([100.0]), "b": curve_result([100.0])})).splitlines()
    undefined = [line for line in twins if "undefined (" in line]
    assert undefined
    assert all(line.startswith("all: ") for line in undefined)


def test_a_comparison_names_its_currencies() -> None:
    one = {"a": curve_result([100.0]), "b": curve_result([101.0])}
    assert "Money in USD; what" in page(one)
    other = curve_result([100.0], currency="EUR", cash={"EUR": 100.0})
    assert "Money in USD (a), EUR (b); what" in page({"a": one["a"], "b": other})
