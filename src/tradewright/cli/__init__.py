"""The command line."""

from __future__ import annotations

from tradewright.cli.app import main

__all__ = ["main"]
