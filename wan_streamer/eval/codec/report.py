"""The tables together, written as Markdown and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from wan_streamer.eval.evidence import Evidence
from wan_streamer.eval.table import Table
from wan_streamer.train.data.sources.atomic import replace_file

MARKDOWN, JSON = "table.md", "table.json"


def report_markdown(tables: Sequence[Table], evidence: Evidence) -> str:
    """Every table, what is beyond its limit, and where it comes from."""
    failures = [failure for table in tables for failure in table.failures()]
    verdict = [f"- **FAIL** {failure}" for failure in failures] or ["Everything is within its limits."]
    parts = ["## Codecs on held-out data", *(table.markdown() for table in tables), "### Limits", "\n".join(verdict)]
    return "\n\n".join([*parts, "### How it was made", evidence.markdown()]) + "\n"


def write_report(folder: Path, tables: Sequence[Table], evidence: Evidence) -> None:
    """Writes table.md and table.json.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "tables": [table.data() for table in tables],
        "failures": [failure for table in tables for failure in table.failures()],
        "evidence": asdict(evidence),
    }
    # No endless numbers: JSON knows none.
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    replace_file(folder / JSON, text.encode())
    replace_file(folder / MARKDOWN, report_markdown(tables, evidence).encode())
