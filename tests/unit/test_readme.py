"""What the README shows is what there is."""

import re
import textwrap
from pathlib import Path

import wan_streamer.client

ROOT = Path(__file__).parents[2]


def test_the_readmes_example_is_the_tested_one() -> None:
    """The README's Python is the docstring of wan_streamer.client, which tests/integration/test_talk.py runs."""
    [shown] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert wan_streamer.client.__doc__ is not None
    lines = wan_streamer.client.__doc__.splitlines()
    tested = textwrap.dedent("\n".join(line for line in lines if not line or line.startswith("    ")))
    assert shown.strip() == tested.strip()


def test_links_lead_somewhere() -> None:
    """Every relative link of the documents exists."""
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("services/*/README.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert "://" in link or (document.parent / link).exists(), f"{document.name}: {link}"
