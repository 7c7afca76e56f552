"""Figures and files as parts of a page."""

from __future__ import annotations

import hashlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)


def chart_of(figure: dict[str, Any], kind: str) -> tuple[str, str]:
    """A chart's id, made from its content, and its HTML."""
    data = msgspec.json.encode(figure).decode().replace("</", "<\\/")
    id_ = f"{kind}-{hashlib.sha256(data.encode()).hexdigest()[:12]}"
    height = int(figure["layout"]["height"])
    html = (
        f'<div class="chart" id="{id_}" style="min-height:{height * 4 // 5}px"></div>'
        f'<script type="application/json" id="{id_}-data">{data}</script>'
    )
    return id_, html


def document(heading: str, body: str, footer: str) -> str:
    """A whole page that fetches nothing: style, script and plotly.js stand in it."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(heading)}</title><style>\n{_resource('report.css')}</style></head>\n<body>{body}"
        f"<footer>{footer}</footer>\n"
        f"<script>{_plotly_js()}</script>\n<script>\n{_resource('report.js')}</script></body></html>\n"
    )


def write_page(path: Path, content: str) -> Path:
    """Writes a page whole or not at all; folders above it are made.

    Raises:
        DataError: the path is a folder.
    """
    if path.is_dir():
        from tradewright.errors import DataError

        raise DataError("is a folder.", source=str(path), remedy="Name the file to write in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(content, encoding="utf-8", newline="\n")
    beside.replace(path)
    return path


def _plotly_js() -> str:
    from plotly import offline  # pyright: ignore[reportMissingTypeStubs]  # plotly ships no types

    return str(offline.get_plotlyjs())


def _resource(name: str) -> str:
    return resources.files("tradewright.research").joinpath("page", name).read_text(encoding="utf-8")
