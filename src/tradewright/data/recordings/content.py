"""What a recording holds, decompressed and whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.data.files import raw_bytes, read_content, read_table
from tradewright.data.options import ReadOptions
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

_ZSTD = b"\x28\xb5\x2f\xfd"
_LISTED_MAX = 12


def table(path: Path, required: tuple[str, ...]) -> pl.DataFrame:
    """The columns of a text file as text, empty ones null.

    Raises:
        DataError: an unreadable file, JSON, or a table without a required column.
    """
    try:
        frame = read_table(path, ReadOptions())
    except DataError:
        _refuse_json(path)
        raise
    if missing := [name for name in required if name not in frame.columns]:
        _refuse_json(path)
        listed = ", ".join(map(repr, frame.columns[:_LISTED_MAX]))
        more = frame.width - _LISTED_MAX
        raise DataError(
            f"no column {', '.join(map(repr, missing))}.",
            source=path.name,
            remedy=f"The columns are {listed}{f' and {more:,} more' if more > 0 else ''}: "
            "another form or source.",
        )
    return frame


def _refuse_json(path: Path) -> None:
    """Says of a file that is no table of ours that it is JSON, which may pass as a very long header."""
    if read_content(path).lstrip()[:1] in (b"{", b"["):
        problem, remedy = "is JSON, and this importer reads CSV.", "Give it a CSV recording of this source."
        raise DataError(problem, source=path.name, remedy=remedy)


def stamped_lines(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Lines of ``receive-time message``: row, receive time in ns, decoded JSON.

    Raises:
        DataError: a line of another form, or a receive time before that of the line above.
    """
    before_ns = 0
    for row, line in lines(path):
        stamp, _, text = line.partition(b" ")
        if not stamp.isdigit() or not text:
            raise DataError(
                "is not a receive time in nanoseconds, a blank and a message.",
                source=path.name,
                row=row,
                value=line[:40].decode("utf-8", "replace"),
                remedy="Check that the file is what its source says.",
            )
        recv_ns = int(stamp)
        if recv_ns < before_ns:
            problem, remedy = "was received before the line above.", "Restore the recorder's order."
            raise DataError(
                problem, source=path.name, row=row, field="receive time", value=recv_ns, remedy=remedy
            )
        before_ns = recv_ns
        yield row, recv_ns, decoded(path, row, text)


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, with their numbers from 1."""
    for row, line in enumerate(read_content(path).splitlines(), start=1):
        if line.strip():
            yield row, line


def decoded(path: Path, row: int, text: bytes) -> dict[str, Any]:
    """A line's JSON object.

    Raises:
        DataError: it is none.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"is no JSON object: {error}.",
            source=path.name,
            row=row,
            value=text[:40].decode("utf-8", "replace"),
            remedy="Check that the download is complete.",
        ) from None


def refuse_field(path: Path, row: int, error: Exception) -> DataError:
    """What is wrong with a message that lacks a field or has an impossible one."""
    field = str(error.args[0]) if isinstance(error, KeyError) else None
    problem = f"the message has no {field!r}." if field else f"a field cannot be read: {error}."
    return DataError(
        problem,
        source=path.name,
        row=row,
        field=field,
        remedy="Check that the file is of the source that was named.",
    )


def whole_zstd(path: Path) -> bytes:
    """The bytes of a file, still compressed; those of zstd are whole.

    Decoders of streams take what there is: a frame that ends early would pass as a shorter one.

    Raises:
        DataError: an empty file, or a zstd frame that ends early.
    """
    content = raw_bytes(path)
    if not content:
        raise DataError("is empty.", source=path.name, remedy="Check that the download is complete.")
    if content.startswith(_ZSTD) and not _is_whole(content):
        raise DataError(
            "is cut short or damaged: its last zstd frame does not end.",
            source=path.name,
            remedy="Fetch it again: nothing was read.",
        )
    return content


def _is_whole(content: bytes) -> bool:
    """Whether the last zstd frame ends at the end of the file (RFC 8878, section 3.1)."""
    at = 0
    while at < len(content):
        if content[at + 1 : at + 4] == b"\x2a\x4d\x18" and content[at] & 0xF0 == 0x50:  # skippable
            at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
            continue
        if content[at : at + 4] != _ZSTD or at + 5 > len(content):
            return False
        descriptor = content[at + 4]
        is_single = bool(descriptor & 0x20)
        at += 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
        at += (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
        is_last = False
        while not is_last:
            if at + 3 > len(content):
                return False
            header = int.from_bytes(content[at : at + 3], "little")
            is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            at += 3 + (1 if kind == 1 else size)
        at += 4 if descriptor & 4 else 0
    return at == len(content)
