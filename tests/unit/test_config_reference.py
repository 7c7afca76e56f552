"""The reference of the configuration is what the structs say."""

from __future__ import annotations

from config_reference import PAGE, page


def test_the_page_is_written_from_the_structs() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/config_reference.py"
