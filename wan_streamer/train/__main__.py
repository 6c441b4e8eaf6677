"""`python -m wan_streamer.train RECIPE --data FOLDER`, also under torchrun: what `wan-streamer train` starts."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from tyro.conf import Positional

from wan_streamer.engine.gpu import gpu_named
from wan_streamer.errors import InvalidInput, WanStreamerError
from wan_streamer.train.cost_table import show_cost
from wan_streamer.train.recipes import recipe_named
from wan_streamer.train.run import RunOptions, train

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a codec, an ear or a stage, or go on with a run that was stopped."""

    recipe: Positional[str]
    """Name of a recipe, or module:function."""
    data: tuple[Path, ...] = ()
    """Folders or files to learn from."""
    out: Path | None = None
    """Folder of the run; ~/.cache/wan-streamer/runs/RECIPE when absent."""
    cache: Path = Path.home() / ".cache" / "wan-streamer" / "decoded"
    """Where decoded data is kept."""
    initial_weights: Path | None = None
    """Weights of an earlier stage to begin with."""
    initial_reader: Path | None = None
    """Weights whose reader of letters is taken: it learns alone, beside the other stages."""
    device: str = "auto"
    """auto, cpu or cuda."""
    bfloat16: bool = False
    """Compute the networks in bfloat16, the losses in float32."""
    compile: bool = False
    """Compile the networks with torch.compile."""
    micro_batch: int = 0
    """Transformer: so many windows at a time in each process, gradients added up; 0 is all at once."""
    checkpointing: bool = False
    """Transformer: less memory, a third more time: activations are computed twice instead of kept."""
    shard: bool = False
    """Transformer: less memory: each process keeps a part of every block (FSDP2); start it with torchrun."""
    steps: int | None = None
    """Last step, instead of the recipe's."""
    seed: int | None = None
    """Seed, instead of the recipe's."""
    checkpoint_every_s: float = 60.0
    """Time between checkpoints."""
    minutes: float = 0.0
    """Stop and save after so many minutes; 0 is never."""
    stop_after_step: int = 0
    """Stop and save after this step, with the learning rates of a run to the last one; 0 is never."""
    dry_run: bool = False
    """Transformer: train nothing; say tokens, operations, hours on a GPU and memory, from the recipe alone."""
    gpu: str = "H100"
    """For a dry run: which GPU."""
    utilisation: float = 0.4
    """For a dry run: how much of its peak is used."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 2 (an error, one line says which) or 130 (stopped before the last step)."""
    given = tyro.cli(
        Arguments, prog="python -m wan_streamer.train", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    errors = Console(stderr=True, soft_wrap=True)
    try:
        recipe = recipe_named(given.recipe, steps=given.steps, seed=given.seed)
        if given.dry_run:
            show_cost(recipe, gpu_named(given.gpu), given.utilisation, Console())
            return 0
        if not given.data:
            raise InvalidInput("got no --data, expected folders or files to learn from", reason="OPTIONS")
        options = RunOptions(
            data=given.data,
            out=given.out or Path.home() / ".cache" / "wan-streamer" / "runs" / recipe.name,
            cache=given.cache,
            initial_weights=given.initial_weights,
            initial_reader=given.initial_reader,
            device=given.device,
            bfloat16=given.bfloat16,
            compile=given.compile,
            micro_batch=given.micro_batch,
            checkpointing=given.checkpointing,
            shard=given.shard,
            checkpoint_every_s=given.checkpoint_every_s,
            minutes=given.minutes,
            stop_after_step=given.stop_after_step,
        )
        finished = train(recipe, options, Console(soft_wrap=True))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (WanStreamerError, OSError) as error:
        errors.print(f"wan-streamer: {error}", style="red", markup=False, highlight=False)
        return EXIT_ERROR
    return 0 if finished or given.minutes or given.stop_after_step else EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
