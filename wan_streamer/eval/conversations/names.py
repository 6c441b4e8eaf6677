"""The names of what can be chosen: who talks, and what is judged."""

from typing import Final

MODEL, TRUTH, SILENT, COMMON, RENDERED = "model", "truth", "silent", "common", "rendered"
SYSTEMS: Final = (MODEL, TRUTH, SILENT, COMMON, RENDERED)

# In the order of the report. `seen` rows need the films.
ANSWERS, WORDS, QUALITY, LIPS = "answers", "words", "quality", "lips"
TAKE_OVER, INTERRUPTIONS, BACKCHANNELS = "take-over", "interruptions", "backchannels"
FALSE_STARTS, FIRST_WORDS, IDENTITY, NODS, DUPLEX = "false-starts", "first-words", "identity", "nods", "duplex"
ROWS: Final = (
    ANSWERS,
    WORDS,
    QUALITY,
    LIPS,
    TAKE_OVER,
    INTERRUPTIONS,
    BACKCHANNELS,
    FALSE_STARTS,
    FIRST_WORDS,
    IDENTITY,
    NODS,
    DUPLEX,
)
SEEN_ROWS: Final = (LIPS, NODS)
