"""Tables with a limit beside each number, as Markdown and as data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number, or why there is none.

    Attributes:
        text: the number as it is read.
        value: the number, None where there is none.
        limit: what it should be, "" where nobody asks.
        passed: whether it is, None without a limit or number.
        reason: why there is no number; it stands below the table.
    """

    text: str
    value: float | None = None
    limit: str = ""
    passed: bool | None = None
    reason: str = ""

    def markdown(self) -> str:
        """In a table."""
        if not self.limit:
            return self.text
        if self.passed is None:
            return f"{self.text} ({self.limit})"
        return f"{self.text} ({self.limit}: {'pass' if self.passed else '**FAIL**'})"


NOTHING = Cell(text="")


def number(value: float, digits: int = 2) -> Cell:
    """A number that nobody limits."""
    return Cell(text=f"{value:.{digits}f}", value=value)


def at_most(value: float, limit: float, digits: int = 2) -> Cell:
    """A number that should not be above a limit; what is judged is the number before rounding."""
    return Cell(text=f"{value:.{digits}f}", value=value, limit=f"<= {limit:.{digits}f}", passed=value <= limit)


def at_least(value: float, limit: float, digits: int = 2) -> Cell:
    """A number that should not be below a limit."""
    return Cell(text=f"{value:.{digits}f}", value=value, limit=f">= {limit:.{digits}f}", passed=value >= limit)


def unavailable(reason: str) -> Cell:
    """No number; the reason stands below the table."""
    return Cell(text="unavailable", reason=reason)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells under columns; the first cell of a row is its name.

    Attributes:
        notes: sentences below it.
        corner: what stands above the names of the rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...] = ()
    corner: str = ""

    def markdown(self) -> str:
        """The table with its title and notes."""
        head = [f"### {self.title}", "", _line((self.corner, *self.columns)), _line(["---"] * (len(self.columns) + 1))]
        rows = [_line((name, *(cell.markdown() for cell in cells))) for name, cells in self.rows]
        reasons = dict.fromkeys(
            f"unavailable: {cell.reason}" for _, cells in self.rows for cell in cells if cell.reason
        )
        return "\n".join([*head, *rows, "", *(f"- {note}" for note in (*self.notes, *reasons))])

    def data(self) -> dict[str, Any]:
        """For JSON."""
        rows = {
            name: {column: asdict(cell) for column, cell in zip(self.columns, cells, strict=True) if cell != NOTHING}
            for name, cells in self.rows
        }
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}

    def failures(self) -> list[str]:
        """What is beyond its limit, in words."""
        return [
            f"{self.title}: {name}: {column} {cell.text}, expected {cell.limit}"
            for name, cells in self.rows
            for column, cell in zip(self.columns, cells, strict=True)
            if cell.passed is False
        ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
