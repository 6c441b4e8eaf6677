"""`python -m wan_streamer.train.data.script_command`: what `wan-streamer data script` starts."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tyro.conf import arg

from wan_streamer.errors import WanStreamerError
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.split_list import split_list_yaml, write_split_list
from wan_streamer.train.data.generate.statistics import Share, Statistics, count_scripts
from wan_streamer.train.data.script_yaml import to_yaml, write_scripts

EXIT_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130
SPLIT_LIST: Final = "splits.yaml"


@dataclass(frozen=True, kw_only=True)
class Arguments(DrawOptions):
    """Draw conversation scripts; print them as YAML, or write a file each."""

    out: Annotated[Path | None, arg(aliases=["-o"], metavar="DIR")] = None
    """Directory for NAME.yaml of each script and splits.yaml, which lists what is held out; printed when absent."""
    stats: bool = False
    """Print wanted and drawn shares of everything instead of the scripts."""
    list_splits: bool = False
    """Print what is held out instead of the scripts."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 2 (an error, one line says which) or 130."""
    given = tyro.cli(Arguments, prog="wan-streamer data script", args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    try:
        _run(given)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # whoever read the scripts has enough; Python must not complain again when it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (WanStreamerError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(f"wan-streamer: {error}", style="red", markup=False, highlight=False)
        return EXIT_ERROR
    return 0


def _run(given: Arguments) -> None:
    if given.list_splits:
        sys.stdout.write(split_list_yaml(given.book, given.cast, given.mixing))
        return
    generator = given.generator()
    if given.out is not None:
        _write(generator, given.out, given)
    if given.stats:
        scripts = generator.scripts(given.seed, given.count)
        _show(Console(), count_scripts(scripts, given.mixing, given.book, given.split_choice().phrasings))
    elif given.out is None:
        for script in generator.scripts(given.seed, given.count):
            sys.stdout.write("---\n" + to_yaml(script))


def _write(generator: ScriptGenerator, out: Path, given: Arguments) -> None:
    errors = Console(stderr=True)
    scripts = generator.scripts(given.seed, given.count)
    for script in track(scripts, "writing scripts", total=given.count, console=errors, disable=not errors.is_terminal):
        write_scripts(out / f"{script.name}.yaml", [script])
    write_split_list(out / SPLIT_LIST, given.book, given.cast, given.mixing)
    errors.print(f"{given.count} scripts and {SPLIT_LIST} are in {out}", highlight=False, markup=False, soft_wrap=True)


def _show(console: Console, counted: Statistics) -> None:
    console.print(_share_table("Situations", counted.situations))
    console.print(_share_table("Other rules", counted.rates))
    table = Table("what", "count", title="Counts", title_justify="left")
    for name, number in counted.counts:
        table.add_row(name, str(number))
    console.print(table)


def _share_table(title: str, shares: tuple[Share, ...]) -> Table:
    table = Table(title, "share of", "wanted", "drawn", "count")
    for share in shares:
        table.add_row(share.name, share.of, f"{share.wanted:.3f}", f"{share.drawn:.3f}", str(share.drawn_count))
    return table


if __name__ == "__main__":
    sys.exit(main())
