"""Writes docs/reference/configuration.md from the structs that decode a configuration.

usage: python tests/config_reference.py
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec

from tradewright import config
from tradewright.core.limits import Limits
from tradewright.data.options import ReadOptions
from tradewright.sim import config as venue

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "configuration.md"
HEAD = """\
# Configuration

A run in TOML, for `tradewright backtest` and `tradewright check`. An unknown or impossible field is refused
with its path and the nearest valid name; `--set risk.drawdown_max=0.1` changes one value. Written by
`python tests/config_reference.py`.

```toml
# run.toml
seed = 1

[[policies]]
use = "tradewright.strategies:Momentum"  # package.module:Class; a module beside this file is found too
symbol = "SPX"                           # the class's own fields
trailing_stop = 0.1

[data]
source = "sp500"
start = 2005-01-01

[venue.latency]
type = "constant"
entry_ns = 5_000_000
response_ns = 5_000_000

[venue.costs]
half_spread_min_bps = 2

[account]
cash = { USD = 100_000 }

[risk]
order_value_max = "100%"
per_policy = { Momentum = { loss_per_day_max = "5%" } }

[result]
benchmark = "SPX"
```

```console
$ tradewright check run.toml --config-only
```

Risk managers of your own are named like policies, and follow the hard limits:

```toml
[[managers]]
use = "my_rules:NoDecember"
```
"""
SECTIONS: tuple[tuple[str, str, type[Any]], ...] = (
    ("The file", "", config.Config),
    ("`[data]`", "Exactly one of `source`, `files`, `store` and `exchanges`.", config.Data),
    ("`[data.read]`", "How files are read.", ReadOptions),
    ("`[[data.exchanges]]`", "[Generated markets](../concepts/generated-markets.md).", config.Exchange),
    ("`[venue]`", "The [simulated venue](../assumptions.md).", venue.Venue),
    ('`[venue.latency]`, `type = "constant"`', "", venue.ConstantLatency),
    ('`[venue.latency]`, `type = "sampled"`', "", venue.SampledLatency),
    ('`[venue.latency]`, `type = "recorded"`', "", venue.RecordedLatency),
    ("`[venue.fills]`", "", venue.Fills),
    ('`[venue.fills.queue]`, `type = "probabilistic"`', "", venue.ProbabilisticQueue),
    ('`[venue.fills.queue]`, `type = "exact"`', "", venue.ExactQueue),
    ("`[venue.costs]`", "", venue.Costs),
    ("`[account]`", "[Money](../concepts/money.md).", venue.Account),
    ("`[risk]`, and `[risk.per_policy.NAME]`", "[The gate](../concepts/risk.md).", Limits),
    ("`[result]`", "", config.ResultOptions),
)


def described(kind: type[Any]) -> dict[str, str]:
    """The fields of a class by name, as the ``Attributes`` of its docstring tell of them."""
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(kind) or "").partition("Attributes:")[2].splitlines():
        if match := re.match(r"^    (\w+): (.*)$", line):
            name = match[1]
            found[name] = match[2]
        elif line.startswith("        ") and name:
            found[name] += " " + line.strip()
        elif line.strip():
            name = ""
    return found


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """What stands where a field is left out."""
    if field.required:
        return "required"
    value = field.default
    if value is None or value is msgspec.NODEFAULT or isinstance(value, msgspec.Struct):
        return ""
    return (
        f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{msgspec.json.encode(value).decode()}`"
    )


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, text, kind in SECTIONS:
        known = described(kind)
        parts.append(f"## {title}\n" + (f"\n{text}\n" if text else ""))
        rows = ["| field | default | |", "| --- | --- | --- |"]
        for field in msgspec.structs.fields(kind):
            what = known[field.name].replace("``", "`").replace("|", "\\|")
            rows.append(f"| `{field.name}` | {default_of(field)} | {what} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
