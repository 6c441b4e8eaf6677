"""What the tests measured, for docs/operations.md: printed after them, with the machine."""

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass
class Report:
    """Lines in the order in which they came."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, value: Any) -> None:
        """One measurement; seconds are rounded."""
        self.lines.append(f"{what}: {value:.1f} s" if isinstance(value, float) else f"{what}: {value}")

    def text(self, cores: int | None) -> list[str]:
        """With a heading."""
        now = datetime.now(UTC).strftime("%Y-%m-%d")
        return [f"measured {now}, {cores} cores ({platform.machine()})", *self.lines] if self.lines else []
