"""The table: what was seen beside the yardstick and the goal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    group: str
    what: str
    seen: float
    unit: str = ""
    yardstick: float | None = None
    # At most so many times the yardstick, at most so many units, or at least so many.
    goal_ratio: float | None = None
    goal: float | None = None
    least: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.seen / self.yardstick if self.yardstick else None

    @property
    def met(self) -> bool | None:
        if self.goal_ratio is not None and self.ratio is not None:
            return self.ratio <= self.goal_ratio
        if self.least is not None:
            return self.seen >= self.least
        return None if self.goal is None else self.seen <= self.goal


@dataclass
class Report:
    """Rows in the order in which they come, and remarks on how they came about."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[list[str]] = field(default_factory=list)

    def add(self, group: str, what: str, seen: float, unit: str = "", **more: float | None) -> Row:
        row = Row(group, what, seen, unit, **more)
        self.rows.append(row)
        return row

    def note(self, text: str) -> None:
        self.notes.append(text)

    def table(self, lines: list[str]) -> None:
        """Lines that are printed as they are, after the rows."""
        self.tables.append(lines)

    def json(self) -> dict:
        return {
            "rows": [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in self.rows],
            "notes": self.notes,
        }

    def text(self) -> str:
        lines = [f"{'':40} {'swiftlet':>10} {'yardstick':>10} {'ratio':>8}  {'goal':<12}", "-" * 90]
        group = None
        for row in self.rows:
            if row.group != group:
                group = row.group
                lines.append(group)
            name = f"  {row.what}{', ' + row.unit if row.unit else ''}"
            yardstick = "" if row.yardstick is None else number(row.yardstick)
            ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
            goal, verdict = "", ""
            if row.met is not None:
                if row.goal_ratio is not None:
                    goal = f"<= {row.goal_ratio} x"
                else:
                    goal = f"<= {number(row.goal or 0)}" if row.least is None else f">= {number(row.least)}"
                verdict = "met" if row.met else "MISSED"
            lines.append(f"{name:40} {number(row.seen):>10} {yardstick:>10} {ratio:>8}  {goal:<12} {verdict}".rstrip())
        for table in self.tables:
            lines += ["", *table]
        return "\n".join(lines + [""] + [f"* {note}" for note in self.notes])


def number(value: float) -> str:
    if value == int(value) and abs(value) < 1000:
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
