"""The journal: every cut of it is a prefix, every damage is named, and it says what the result says."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_runs import quotes, run

import tradewright as tw
from tradewright.errors import DataError
from tradewright.research import journal
from tradewright.research.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of frame in its journal."""
    made = tmp_path_factory.mktemp("journal")
    script = {
        0: [tw.TargetPosition("BTC", 1.0), tw.TargetQuotes("BTC", bid=(95.0, 1.0))],
        1: tw.TargetQuotes("BTC", bid=(96.0, 1.0), replace="amend"),
        2: tw.Submit(symbol="BTC", side="sell", size=0.5, type="limit", limit=200.0),
        3: tw.CancelAll(),
    }
    run(made, script, quotes(100, 101, 102, 103, 104), risk=tw.Risk(price_collar="20%"))
    return made


def ends(data: bytes) -> list[int]:
    """Where each frame ends, by its length alone."""
    found, offset = list[int](), 0
    while offset < len(data):
        offset += HEAD + struct.unpack_from("<I", data, offset)[0]
        found.append(offset)
    assert found[-1] == len(data)
    return found


def test_it_holds_what_the_result_holds(folder: Path) -> None:
    result, made = tw.Result.load(folder), Journal.of(folder)
    assert made is not None
    frames = list(made)
    count = {kind: sum(isinstance(frame, kind) for frame in frames) for kind in journal.Frame.__args__}
    counters = result.meta.counters
    assert count[journal.Decision] == counters.wakes == 5
    assert count[journal.Sent] + count[journal.Amended] == counters.sent
    assert count[journal.Refused] == counters.refused == 1
    fills = [frame.execution for frame in frames if isinstance(frame, journal.Reported) and frame.execution]
    assert [fill.fill_id for fill in fills] == result.fills["fill_id"].to_list()
    prices = [float(made.names.instruments[0].price(fill.price)) for fill in fills]
    assert prices == result.fills["price"].to_list() == [100.5]
    sent = [made.names.order_id(frame.order) for frame in frames if isinstance(frame, journal.Sent)]
    assert sent == result.orders["order_id"].to_list()[:2]
    assert all(made.names.order(order_id) == number for number, order_id in enumerate(sent))
    (cancelled,) = [frame for frame in frames if isinstance(frame, journal.Cancelled)]
    assert cancelled.reason == "policy_cancelled"
    (refused,) = [frame for frame in frames if isinstance(frame, journal.Refused)]
    assert (refused.reason, refused.bound) == ("price_collar", 0.2)
    assert refused.value == pytest.approx(98 / 102)


def test_it_says_what_its_numbers_stand_for(folder: Path) -> None:
    made = Journal.of(folder)
    assert made is not None
    (policy,) = made.names.policies
    assert (policy.name, policy.wakes, policy.watched) == ("Script", ["on_quote(BTC)"], ["fair"])
    (instrument,) = made.names.instruments
    assert str(instrument.price(201)) == "100.5"
    assert str(instrument.size(150)) == "1.50"


def test_two_runs_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, {0: tw.TargetPosition("BTC", 1.0)}, quotes(100, 101))
    for file in (journal.FRAMES, journal.NAMES):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@given(share=st.floats(0, 1))
def test_a_torn_tail_is_cut(folder: Path, tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    data = (folder / journal.FRAMES).read_bytes()
    cut = round(share * len(data))
    torn = tmp_path_factory.getbasetemp() / "torn.bin"
    torn.write_bytes(data[:cut])
    whole = sum(end <= cut for end in ends(data))
    assert repr(list(journal.read(torn))) == repr(list(journal.read(folder / journal.FRAMES))[:whole])
    zeroed = data[:cut].ljust(len(data) + 64, b"\0")  # as a power cut may leave it
    torn.write_bytes(zeroed)
    whole = sum(zeroed[:end] == data[:end] for end in ends(data))
    assert repr(list(journal.read(torn))) == repr(list(journal.read(folder / journal.FRAMES))[:whole])


@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_damaged_byte_is_found(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, share: float, flip: int
) -> None:
    data = bytearray((folder / journal.FRAMES).read_bytes())
    at = int(share * len(data))
    data[at] ^= flip
    damaged = tmp_path_factory.getbasetemp() / "damaged.bin"
    damaged.write_bytes(data)
    original = list(journal.read(folder / journal.FRAMES))
    frame_ends = ends((folder / journal.FRAMES).read_bytes())
    if at >= frame_ends[-2]:  # the last frame: nothing whole follows it
        assert repr(list(journal.read(damaged))) == repr(original[:-1])
        return
    start = max((end for end in frame_ends if end <= at), default=0)
    with pytest.raises(DataError, match=f"frame at byte {start:,} does not match its checksum") as raised:
        list(journal.read(damaged))
    assert str(damaged) in str(raised.value)


def test_a_whole_frame_of_another_version_is_refused(tmp_path: Path) -> None:
    body = b"\x92\xa1z\x01"  # ["z", 1]
    path = tmp_path / "journal.bin"
    path.write_bytes(struct.pack("<II", len(body), zlib.crc32(body)) + body)
    with pytest.raises(DataError, match="frame at byte 0 cannot be decoded"):
        list(journal.read(path))


def test_a_folder_may_have_no_journal_but_not_half_of_one(folder: Path, tmp_path: Path) -> None:
    assert Journal.of(tmp_path) is None
    (tmp_path / journal.FRAMES).write_bytes((folder / journal.FRAMES).read_bytes())
    with pytest.raises(DataError, match=r"journal\.json: is missing"):
        Journal.of(tmp_path)
    (tmp_path / journal.NAMES).write_text('{"format": 1}')
    with pytest.raises(DataError, match=r"journal\.json: cannot be decoded"):
        Journal.of(tmp_path)
