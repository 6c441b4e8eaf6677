"""What a run would cost, as a table for people: `wan-streamer train RECIPE --dry-run`."""

from rich import box
from rich.console import Console
from rich.table import Table

from wan_streamer.engine.gpu import Gpu
from wan_streamer.errors import InvalidInput
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.recipes import AnyRecipe
from wan_streamer.train.run_cost import RunCost, cost_of


def show_cost(recipe: AnyRecipe, gpu: Gpu, utilisation: float, console: Console) -> None:
    """Prints it; every kind of step has gone through the training forward without numbers.

    Raises:
        InvalidInput: DRY_RUN, no stage of the Transformer, or no share of the GPU's peak.
    """
    if not isinstance(recipe, ModelRecipe | DistillRecipe):
        raise InvalidInput(
            f"got --dry-run for {recipe.name}, expected a stage of the Transformer; leave it out", reason="DRY_RUN"
        )
    if not 0 < utilisation <= 1:
        raise InvalidInput(f"got --utilisation {utilisation}, expected above 0, to 1", reason="DRY_RUN")
    cost = cost_of(recipe)
    console.print(_table(cost))
    lines = (
        f"{cost.steps:,} steps: {cost.tokens / 1e6:,.0f} million tokens of {cost.conversation_hours:,.0f} hours of "
        "conversation (windows, seen again and again)",
        f"{cost.pflop:,.0f} PFLOP: {cost.gpu_hours(gpu, utilisation):,.2f} hours of one {gpu.product} at "
        f"{utilisation:.0%} of its peak in bfloat16",
        f"{cost.memory_bytes / 1e9:,.1f} GB a GPU for weights, gradients, averages and moments; activations on top",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _table(cost: RunCost) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=cost.name, title_justify="left")
    table.add_column("step")
    for column in ("of all", "units", "tokens", "TFLOP", "of the work"):
        table.add_column(column, justify="right")
    work = sum(kind.share * kind.tflop for kind in cost.kinds)
    for kind in cost.kinds:
        table.add_row(
            kind.name,
            f"{kind.share:.0%}",
            f"{kind.units:,}",
            f"{kind.tokens:,}",
            f"{kind.tflop:,.{3 if kind.tflop < 1 else 0}f}",
            f"{kind.share * kind.tflop / work:.0%}",
        )
    return table
