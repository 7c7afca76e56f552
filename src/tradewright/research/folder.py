"""A result on disk, and its digest: equal results, equal bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tradewright.errors import DataError
from tradewright.research import journal, schema
from tradewright.research.meta import ResultMeta  # msgspec resolves it at run time

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from tradewright.research.result import Result

FORMAT: Final = 1
_FRAMES: Final = ("orders", "fills", "round_trips", "positions", "equity", "flows", "ledger", "amendments")
_MAY_BE_EMPTY: Final = ("flows", "ledger", "amendments")
STAGING: Final = ".part"
"""Folder inside of a run folder that holds a run under way."""
_RUN_FILES: Final = (
    "meta.json",
    "summary.json",
    "run.json",
    journal.FRAMES,
    journal.NAMES,
    *(f"{name}.parquet" for name in (*_FRAMES, "prices")),
)
_DIGESTED: Final = ("orders", "fills", "positions", "equity")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """`summary.json`: the digest of the result and its summary."""

    digest: str
    summary: dict[str, Any]


class StoredMeta(msgspec.Struct, frozen=True, kw_only=True):
    """`meta.json`: the format's version and where the result comes from."""

    format: int
    meta: ResultMeta


def canonical_bytes(frame: pl.DataFrame) -> bytes:
    """Bytes that depend on a frame's columns, types, nulls and values alone, not on how it was built.

    Each column: its name, type and row count, a byte a row that says whether there is a value, then the
    values: numbers and times as little-endian arrays with 0 for null, text as lengths and UTF-8.
    """
    import numpy as np
    import polars as pl

    parts: list[bytes] = []
    for column in frame:
        parts.append(f"{column.name}\0{column.dtype}\0{len(column)}\n".encode())
        parts.append(column.is_not_null().to_numpy().astype(np.uint8).tobytes())
        if column.dtype == pl.String:
            filled = column.fill_null("")
            parts.append(filled.str.len_bytes().to_numpy().astype("<u4").tobytes())
            parts.append("".join(filled.to_list()).encode())
        else:
            physical = column.to_physical()
            values = physical.fill_null(False if physical.dtype == pl.Boolean else 0).to_numpy()
            parts.append(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)


def digest_of(result: Result) -> str:
    """SHA-256 over orders, fills, positions, equity and summary."""
    digest = hashlib.sha256()
    for name in _DIGESTED:
        digest.update(name.encode() + b"\n")
        digest.update(canonical_bytes(getattr(result, name)))
    digest.update(b"summary\n")
    digest.update(msgspec.json.encode(result.summary, order="deterministic"))
    return digest.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"


def _write_frame(frame: pl.DataFrame, path: Path) -> None:
    beside = path.with_name(path.name + ".part")
    frame.rechunk().write_parquet(beside, compression="zstd", statistics=False)
    beside.replace(path)


def _prices_of(result: Result) -> pl.DataFrame | None:
    import polars as pl

    frames = [
        frame.select(
            pl.lit(symbol).alias("symbol"),
            *schema.COLUMNS["prices"],
            *(name for name in ("bid", "ask") if name in frame.columns),
        )
        for symbol, frame in result.prices.items()
    ]
    return pl.concat(frames, how="diagonal") if frames else None


def write_folder(result: Result, folder: str | PathLike[str]) -> Path:
    """Write a result; see `Result.write`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FRAMES:
        frame: pl.DataFrame = getattr(result, name)
        if name in _MAY_BE_EMPTY and frame.is_empty():
            (folder / f"{name}.parquet").unlink(missing_ok=True)
            continue
        _write_frame(frame, folder / f"{name}.parquet")
    prices = _prices_of(result)
    if prices is None:
        (folder / "prices.parquet").unlink(missing_ok=True)
    else:
        _write_frame(prices, folder / "prices.parquet")
    _replace(folder / "meta.json", _json(StoredMeta(format=FORMAT, meta=result.meta)))
    stored = Stored(digest=digest_of(result), summary=msgspec.to_builtins(result.summary))
    _replace(folder / "summary.json", _json(stored))
    _replace(folder / "run.json", _json({"timing_s": result.timing}))
    return folder


def staging_of(folder: Path) -> Path:
    """An empty folder inside of a run folder, for what a run writes before it is done.

    An earlier run in the folder stays whole until `publish`, and a run that fails leaves nothing of its own.
    """
    staging = folder / STAGING
    shutil.rmtree(staging, ignore_errors=True)  # what a killed run left behind
    staging.mkdir(parents=True)
    return staging


def publish(folder: Path) -> None:
    """Puts what was staged in place of the earlier run's files; other files of the folder stay.

    ``meta.json`` goes first and comes last: a folder without it is no run folder, so that nobody reads a
    mixture of two runs, not even after a kill in between.
    """
    staging = folder / STAGING
    for name in _RUN_FILES:
        (folder / name).unlink(missing_ok=True)
    for name in reversed(_RUN_FILES):
        if (staging / name).is_file():
            (staging / name).replace(folder / name)
    staging.rmdir()


def discard(folder: Path) -> None:
    """Forgets what was staged, and the folder too if nothing else is in it."""
    shutil.rmtree(folder / STAGING, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _read_frame(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"cannot be read: {error}.",
            source=str(path),
            remedy="Run again with --out, or load another folder.",
        ) from error


def _read_positions(path: Path) -> pl.DataFrame:
    import polars as pl

    frame = _read_frame(path)
    if "event" in frame.columns:
        return frame
    one = pl.lit(1, dtype=pl.Int64)  # Written by a version that knew of fills alone.
    return frame.with_columns(pl.lit("fill").alias("event"), numerator=one, denominator=one)


def _read_prices(path: Path, symbol: str) -> pl.DataFrame:
    import polars as pl

    return _read_frame(path).filter(pl.col("symbol") == symbol).drop("symbol")


def _read_json(path: Path, type_: type[Any]) -> Any:  # of the type that is asked for
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except FileNotFoundError as error:
        inside = sorted(one.parent.name for one in path.parent.glob(f"*/{path.name}"))
        raise DataError(
            "is missing; this is not a run folder.",
            source=str(path),
            remedy=f"It holds runs: {', '.join(inside)}."
            if inside
            else "Give one that `tradewright backtest … --out DIR` or Result.write made.",
        ) from error
    except msgspec.MsgspecError as error:
        raise DataError(f"cannot be decoded: {error}.", source=str(path)) from error


def load_folder(folder: str | PathLike[str], *, verify: bool = False) -> Result:
    """Read a run folder; see `Result.load`."""
    from tradewright.research.result import Result

    folder = Path(folder)
    stored_meta: StoredMeta = _read_json(folder / "meta.json", StoredMeta)
    if stored_meta.format != FORMAT:
        raise DataError(
            f"format {stored_meta.format} is not the {FORMAT} that this version reads.",
            source=str(folder / "meta.json"),
            remedy="Load it with the version of tradewright that wrote it.",
        )
    for name in _FRAMES:
        if name not in _MAY_BE_EMPTY and not (folder / f"{name}.parquet").is_file():
            raise DataError("is missing from the run folder.", source=str(folder / f"{name}.parquet"))
    sources = {
        name: partial(_read_frame, folder / f"{name}.parquet")
        for name in ("orders", "fills", "round_trips", "equity", *_MAY_BE_EMPTY)
    }
    prices = folder / "prices.parquet"
    symbols: list[str] = []
    if prices.is_file():
        symbols = _read_frame(prices)["symbol"].unique(maintain_order=True).to_list()
    run = folder / "run.json"
    timing: dict[str, float] = (
        _read_json(run, dict[str, dict[str, float]]).get("timing_s", {}) if run.is_file() else {}
    )
    result = Result(
        orders=sources["orders"],
        fills=sources["fills"],
        round_trips=sources["round_trips"],
        equity=sources["equity"],
        positions=partial(_read_positions, folder / "positions.parquet"),
        flows=sources["flows"] if (folder / "flows.parquet").is_file() else None,
        ledger=sources["ledger"] if (folder / "ledger.parquet").is_file() else None,
        amendments=sources["amendments"] if (folder / "amendments.parquet").is_file() else None,
        prices={symbol: partial(_read_prices, prices, symbol) for symbol in symbols},
        meta=stored_meta.meta,
        timing=timing,
    )
    if verify:
        stored: Stored = _read_json(folder / "summary.json", Stored)
        if (found := digest_of(result)) != stored.digest:
            raise DataError(
                f"digest of the frames is {found}, the summary says {stored.digest}.",
                source=os.fspath(folder),
                remedy="The folder was changed after it was written; run again.",
            )
    return result
