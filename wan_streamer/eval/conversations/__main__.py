"""`python -m wan_streamer.eval.conversations`: what `wan-streamer eval converse` starts."""

import sys

from rich.console import Console

from wan_streamer.eval.conversations.options import ConverseOptions
from wan_streamer.train.data.sources.program import run_program


def main(options: ConverseOptions, console: Console) -> None:
    """Evaluates; torch and the judges are loaded only now."""
    from wan_streamer.eval.conversations.evaluate import evaluate

    evaluate(options, console)


if __name__ == "__main__":
    sys.exit(run_program(ConverseOptions, main))
