"""A result: its frames, its text, its folder, its digest, its comparison."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest
from result_samples import DAY_NS, closes, curve_result, frame, trading_result, walk

from tradewright.errors import DataError
from tradewright.research import schema
from tradewright.research.compare import compare
from tradewright.research.folder import canonical_bytes
from tradewright.research.reasons import REMEDIES, remedy
from tradewright.research.result import Result


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_frames_are_built_once_and_only_when_read() -> None:
    built: list[str] = []

    def source(name: str) -> pl.DataFrame:
        built.append(name)
        return schema.empty(name)

    made = curve_result([100.0])
    result = Result(
        orders=lambda: source("orders"),
        fills=lambda: source("fills"),
        round_trips=lambda: source("round_trips"),
        equity=made.equity,
        meta=made.meta,
    )
    assert built == []
    assert result.fills is result.fills
    assert result.positions.height == 0
    assert built == ["fills"]


def test_positions_follow_the_fills() -> None:
    result = trading_result(symbols=("SPX", "NDX"))
    held: dict[str, float] = {}
    expected: list[float] = []
    for fill in result.fills.to_dicts():
        sign = 1 if fill["side"] == "buy" else -1
        held[fill["symbol"]] = held.get(fill["symbol"], 0.0) + sign * fill["size"]
        expected.append(held[fill["symbol"]])
    assert result.positions["size"].to_list() == expected
    names = ["policy", "symbol", "at", "size", "event", "numerator", "denominator"]
    assert result.positions.columns == names
    assert set(result.positions["event"]) == {"fill"}


def test_a_frame_without_a_column_is_refused_by_name() -> None:
    result = curve_result([100.0], fills=schema.empty("fills").drop("liquidity"))
    with pytest.raises(
        DataError, match=r"result frame 'fills', liquidity: column is missing\. It needs fill_id, "
    ):
        _ = result.fills


def test_types_of_columns_are_those_of_the_schema() -> None:
    narrow = pl.DataFrame({"at": pl.Series([1, 2]).cast(pl.Datetime("us", "UTC")), "equity": [100, 101]})
    made = curve_result([100.0])
    result = Result(
        orders=made.orders, fills=made.fills, round_trips=made.round_trips, equity=narrow, meta=made.meta
    )
    assert dict(result.equity.schema) == schema.schema_of("equity")


def test_text_shows_every_group_and_says_what_is_undefined() -> None:
    text = str(trading_result())
    assert "Total return              2.02 %" in text
    assert "Evidence: daily bars, filled at the next open." in text
    assert "warning: The curve is one path" in text
    refused = trading_result().orders.filter(pl.col("status") == "refused")["reason"].value_counts(sort=True)
    lines = [line for line in text.splitlines() if line.startswith("refused ")]
    assert sorted(line.split(",")[0] for line in lines) == sorted(
        f"refused {n}: {why}" for why, n in refused.rows()
    )
    assert lines[-1].endswith("`tradewright why` says what to do")
    assert max(len(line) for line in text.splitlines()) <= 120
    assert "undefined (return_std, sharpe, sortino, volatility): needs at least 2 daily returns" in str(
        curve_result([])
    )
    assert repr(trading_result()) == text


def test_json_is_the_summary() -> None:
    result = trading_result()
    decoded = json.loads(result.to_json())
    assert decoded["summary"]["sharpe"] == result.summary.sharpe
    assert decoded["counters"]["refused"] == result.summary.refused
    assert decoded["policies"] == ["Momentum"]


# Folder and digest ------------------------------------------------------------------------------------------


def test_what_is_written_is_what_is_loaded(tmp_path: Path) -> None:
    result = trading_result(symbols=("SPX", "NDX"))
    loaded = Result.load(result.write(tmp_path / "runs" / "one"), verify=True)
    for name in ("orders", "fills", "round_trips", "positions", "equity"):
        assert getattr(loaded, name).equals(getattr(result, name), null_equal=True), name
    assert loaded.meta == result.meta
    assert loaded.summary == result.summary
    assert loaded.digest() == result.digest()
    assert list(loaded.prices) == ["SPX", "NDX"]
    assert loaded.prices["NDX"].equals(result.prices["NDX"])
    assert loaded.timing == result.timing


def test_equal_runs_write_equal_bytes_wall_time_apart(tmp_path: Path) -> None:
    one = files_of(trading_result().write(tmp_path / "one"))
    slower = trading_result()
    slower.timing["run"] = 99.0
    two = files_of(slower.write(tmp_path / "two"))
    assert one.pop("run.json") != two.pop("run.json")
    assert one == two
    assert (
        files_of(trading_result(seed=8).write(tmp_path / "three"))["equity.parquet"] != one["equity.parquet"]
    )


def test_writing_again_replaces_what_was_there_and_leaves_other_files(tmp_path: Path) -> None:
    trading_result(symbols=("SPX", "NDX")).write(tmp_path)
    (tmp_path / "journal.bin").write_bytes(b"kept")
    plain = curve_result([100.0, 101.0])
    plain.write(tmp_path)
    assert (tmp_path / "journal.bin").read_bytes() == b"kept"
    assert not (tmp_path / "prices.parquet").exists()
    assert Result.load(tmp_path, verify=True).digest() == plain.digest()


def test_deposits_survive_the_folder(tmp_path: Path) -> None:
    times = closes("2020-01-02", 3)
    flows = frame("flows", [{"at": times[1], "amount": 50.0}])
    result = curve_result([110.0, 160.0, 176.0], times, flows=flows)
    assert result.summary.total_return == pytest.approx(1.1 * 1.0 * 1.1 - 1)
    assert result.summary.net_pnl == pytest.approx(26.0)
    assert Result.load(result.write(tmp_path)).summary == result.summary


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_digest_and_files_do_not_depend_on_the_process(tmp_path: Path, hash_seed: str, zone: str) -> None:
    code = (
        "import sys; from result_samples import trading_result; from pathlib import Path\n"
        "result = trading_result(bars=600); result.write(sys.argv[1])\n"
        "result.report(Path(sys.argv[1]) / 'report.html')\n"
        "print(result.digest())"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": path}
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "other")],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    here = trading_result(bars=600)
    assert out.stdout.strip() == here.digest()
    here.write(tmp_path / "here")
    here.report(tmp_path / "here" / "report.html")
    assert files_of(tmp_path / "other") == files_of(tmp_path / "here")


def test_digest_sees_every_compared_frame() -> None:
    base = trading_result(bars=400)
    digests = {base.digest()}
    for name, column in (
        ("orders", "detail"),
        ("fills", "liquidity"),
        ("equity", "equity"),
        ("fills", "position"),
    ):
        parts = {part: getattr(base, part) for part in ("orders", "fills", "round_trips", "equity")}
        changed = parts[name].with_columns(
            pl.when(pl.int_range(pl.len()) == pl.len() - 1)
            .then(pl.lit("x") if parts[name].schema[column] == pl.String else pl.col(column) + 1)
            .otherwise(pl.col(column))
            .alias(column)
        )
        digests.add(Result(**(parts | {name: changed}), meta=base.meta).digest())
    assert len(digests) == 5


def test_canonical_bytes_depend_on_values_not_on_chunks() -> None:
    whole = trading_result(bars=400).orders
    parts = pl.concat([whole[:3], whole[3:]], rechunk=False)
    assert canonical_bytes(parts) == canonical_bytes(whole)
    nulls = [pl.DataFrame({"a": [0.0, value]}, schema={"a": pl.Float64}) for value in (None, 0.0)]
    assert canonical_bytes(nulls[0]) != canonical_bytes(nulls[1])
    texts = [pl.DataFrame({"a": values}) for values in (["ab", "c"], ["a", "bc"])]
    assert canonical_bytes(texts[0]) != canonical_bytes(texts[1])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"meta\.json: is missing; this is not a run folder"):
        Result.load(tmp_path)


def test_a_missing_frame_is_refused_by_its_file(tmp_path: Path) -> None:
    trading_result(bars=300).write(tmp_path)
    (tmp_path / "fills.parquet").unlink()
    with pytest.raises(DataError, match=r"fills\.parquet: is missing from the run folder"):
        Result.load(tmp_path)


def test_a_truncated_frame_is_refused_by_its_file(tmp_path: Path) -> None:
    path = trading_result(bars=300).write(tmp_path) / "equity.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"equity\.parquet: cannot be read"):
        _ = Result.load(tmp_path).equity


def test_a_torn_meta_is_refused_by_its_file(tmp_path: Path) -> None:
    path = trading_result(bars=300).write(tmp_path) / "meta.json"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"meta\.json: cannot be decoded"):
        Result.load(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = trading_result(bars=300).write(tmp_path) / "meta.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(DataError, match="format 9 is not the 1"):
        Result.load(tmp_path)


def test_a_changed_folder_does_not_verify(tmp_path: Path) -> None:
    trading_result(bars=300).write(tmp_path / "a")
    trading_result(seed=9, bars=300).write(tmp_path / "b")
    shutil.copy(tmp_path / "b" / "equity.parquet", tmp_path / "a" / "equity.parquet")
    with pytest.raises(DataError, match="digest of the frames is"):
        Result.load(tmp_path / "a", verify=True)


# Comparison -------------------------------------------------------------------------------------------------


def test_comparison_has_a_row_a_result_and_every_metric() -> None:
    one, two = trading_result(), trading_result(11, name="Pairs", symbols=("SPX", "NDX"))
    both = compare({"a": one, "b": two})
    assert both.frame["name"].to_list() == ["a", "b"]
    for name in one.summary.__struct_fields__:
        if name != "undefined":
            assert both.frame[name].to_list() == [getattr(one.summary, name), getattr(two.summary, name)], (
                name
            )
    assert both.frame.schema["trades"] == pl.Int64
    assert both.frame.schema["best_day_on"] == pl.String
    assert "Sharpe" in str(both)
    assert json.loads(both.to_json())["b"]["policies"] == ["Pairs"]


def test_results_without_names_take_their_own_numbered() -> None:
    assert list(compare([trading_result(), trading_result(8), curve_result([1.0])]).results) == [
        "Momentum",
        "Momentum 2",
        "Curve",
    ]
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([])


def test_correlations_are_of_common_days() -> None:
    import numpy as np

    a = curve_result(walk(80, 1), closes("2020-01-02", 80))
    b = curve_result(walk(90, 2), closes("2020-01-16", 90))
    flat = curve_result([100.0] * 80, closes("2020-01-02", 80))
    found = compare({"a": a, "b": b, "flat": flat}).correlations
    assert found is not None
    joined = a.daily[1:].join(b.daily[1:], on="date").sort("date")
    expected = np.corrcoef(joined["daily_return"].to_numpy(), joined["daily_return_right"].to_numpy())[0, 1]
    assert found["b"][0] == pytest.approx(expected, abs=1e-12)
    assert found["a"].to_list()[2] is None
    assert found["a"][0] == pytest.approx(1.0)
    assert compare({"a": a}).correlations is None


# Around -----------------------------------------------------------------------------------------------------


def test_every_reason_has_a_remedy_and_names_are_the_kernels() -> None:
    source = Path(__file__).parents[2] / "src" / "tradewright-rs" / "kernel" / "src" / "reason.rs"
    block = re.split(r"const NAMES: \[&str; \d+\] = \[", source.read_text())[1].split("];")[0]
    names = [line.strip().strip('",') for line in block.splitlines() if '"' in line]
    assert set(names) - {""} == set(REMEDIES)
    assert remedy("") == ""


def test_the_result_imports_nothing_heavy() -> None:
    code = (
        "import sys; import tradewright.research.result, tradewright.research.compare\n"
        "print([name for name in ('polars', 'numpy', 'plotly', 'pandas') if name in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_meta_survives_json() -> None:
    meta = trading_result().meta
    assert msgspec.json.decode(msgspec.json.encode(meta), type=type(meta)) == meta
    assert meta.data[0].end_ns - meta.data[0].start_ns > 365 * DAY_NS
