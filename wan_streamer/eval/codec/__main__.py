"""`python -m wan_streamer.eval.codec`: what `wan-streamer eval codec` starts."""

import sys

from rich.console import Console

from wan_streamer.eval.codec.options import CodecOptions
from wan_streamer.train.data.sources.program import run_program


def main(options: CodecOptions, console: Console) -> None:
    """Makes the tables; torch and the judges are loaded only now."""
    from wan_streamer.eval.codec.make_tables import evaluate_codecs

    evaluate_codecs(options, console)


if __name__ == "__main__":
    sys.exit(run_program(CodecOptions, main))
