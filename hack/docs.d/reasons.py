"""Reason codes: whoever meets one finds an entry of its own under `By reason code`."""

from __future__ import annotations

import re
from pathlib import Path

from pages import anchors, read


def problems(root: Path) -> tuple[int, list[str]]:
    """How many codes there are, and a line for each without an entry."""
    codes = re.findall(r"^\| `(\w+)`", (root / "docs/reasons.md").read_text(encoding="utf-8"), re.MULTILINE)
    there = anchors(read(root / "docs/troubleshooting.md"))
    missing = [code for code in codes if code.lower() not in there]
    return len(codes), [f"docs/troubleshooting.md: no entry for the reason {code}" for code in missing]
