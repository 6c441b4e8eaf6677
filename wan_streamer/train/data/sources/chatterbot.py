"""Short written conversations, English part of the corpus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput

FOLDER: Final = "chatterbot_corpus/data/english"
# Program listings and lists of commands: nobody says these.
NOT_SPOKEN: Final = frozenset({"coding", "tech_support"})


def read_conversations(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Topic and turns of each conversation, topics in alphabetical order.

    Raises:
        InvalidInput: a file is no such corpus, or PyYAML is missing.
    """
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput(
            "got no PyYAML, expected it to read the chatterbot corpus; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_PACKAGE",
        ) from error
    for path in sorted((root / FOLDER).glob("*.yml")):
        try:
            conversations = yaml.safe_load(path.read_text("utf-8"))["conversations"]
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise InvalidInput(f"got {path} that is no corpus ({error}); fetch it again", reason="CORPUS") from error
        for conversation in conversations:
            turns = [str(turn).strip() for turn in conversation if turn is not None]
            yield path.stem, turns
