"""Text tokens: UTF-8 bytes and two tokens of our own.

Bytes need no vocabulary that would have to be trained first. Checkpoints of published language models bring theirs.
"""

import codecs

# "No words in this unit."
LISTEN = 256
# The words of this unit end here.
END = 257
VOCABULARY_SIZE = 258


class TextStream:
    """Turns the bytes of a conversation into text, as characters become complete."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, tokens: list[int]) -> str:
        """The new text that these tokens complete; LISTEN and END add nothing."""
        return self._decoder.decode(bytes(token for token in tokens if token < LISTEN))
