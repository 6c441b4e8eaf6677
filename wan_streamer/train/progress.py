"""What a run shows: a progress bar, metrics.jsonl, and TensorBoard where it is installed."""

import importlib.util
import time
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from wan_streamer.train.run_folder import RunFolder

NO_TENSORBOARD = "TensorBoard is not installed; for curves in a browser: pip install 'wan-streamer[train]'"
# Without a terminal there is no bar: a line now and then instead.
LINE_EVERY_S = 30.0
# Begins the names of what a validation found, in metrics.jsonl and in the weights' metadata.
VALIDATION = "validation_"
SHOWN = ("loss", "log_mel", "pixel", "tokens_per_s", "mfu")


class Board(Protocol):
    """What is used of torch's SummaryWriter."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...

    def close(self) -> None: ...


class RunProgress:
    """A context that shows how training goes; in all processes but the first it shows nothing.

    Args:
        peak_tflop_per_s: of all devices together; None leaves out which share of it is used.
    """

    def __init__(
        self,
        folder: RunFolder,
        console: Console,
        step: int,
        steps: int,
        *,
        shown: bool,
        peak_tflop_per_s: float | None = None,
    ) -> None:
        self._peak = peak_tflop_per_s
        self._folder, self._console, self._steps, self._shown = folder, console, steps, shown
        self._board: Board | None = None
        bar = shown and console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not bar, transient=True)
        self._task = self._bar.add_task("training", total=steps, completed=step)
        self._last = (time.monotonic(), step)
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._shown:
            self._board = _tensorboard(self._folder, self._console)
            self._bar.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()
        if self._board is not None:
            self._board.close()

    def advance(self, step: int) -> None:
        """`step` steps are done."""
        self._bar.update(self._task, completed=step)

    def log(self, step: int, measures: dict[str, float]) -> None:
        """Records the numbers of a step; `tokens` and `tflop` are those of all steps since the last record."""
        now = time.monotonic()
        before, last_step = self._last
        if step > last_step:
            measures = measures | {"seconds_per_step": (now - before) / (step - last_step)}
            self._last = now, step
            for name in {"tokens", "tflop"} & set(measures):
                measures[f"{name}_per_s"] = measures.pop(name) / (now - before)
            if self._peak and "tflop_per_s" in measures:
                measures["mfu"] = measures["tflop_per_s"] / self._peak
        self._write(step, measures)
        words = " ".join(f"{name} {measures[name]:.3f}" for name in SHOWN if name in measures)
        self._bar.update(self._task, description=words)
        if not self._console.is_terminal and now - self._last_line > LINE_EVERY_S:
            self._last_line = now
            self.say(f"step {step} of {self._steps}: {words}")

    def validation(self, step: int, measures: dict[str, float]) -> None:
        """Records and says what a validation found."""
        self._write(step, {f"{VALIDATION}{name}": value for name, value in measures.items()})
        self.say(f"step {step}: validation " + ", ".join(f"{name} {value:.4f}" for name, value in measures.items()))

    def say(self, sentence: str) -> None:
        """Prints a line."""
        if self._shown:
            self._console.print(sentence, highlight=False, markup=False)

    def _write(self, step: int, measures: dict[str, float]) -> None:
        if not self._shown:
            return
        row: dict[str, Any] = {"step": step, "unix_s": round(time.time(), 1)}
        self._folder.add_metrics(row | {name: round(value, 6) for name, value in measures.items()})
        if self._board is not None:
            for name, value in measures.items():
                self._board.add_scalar(name, value, step)


def _tensorboard(folder: RunFolder, console: Console) -> Board | None:
    if importlib.util.find_spec("tensorboard") is None:
        console.print(NO_TENSORBOARD, highlight=False, markup=False)
        return None
    from torch.utils.tensorboard import SummaryWriter

    board: Board = SummaryWriter(str(folder.path / "tensorboard"))
    return board
