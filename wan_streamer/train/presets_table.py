"""What presets cost, as a table for people: a column a preset; five take 100 characters."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.table import Table

from wan_streamer.engine.budget import Budget
from wan_streamer.engine.gpu import Gpu
from wan_streamer.model.layout import Kind

Cell = Callable[[Budget], str]
Rows = Mapping[str, Cell]


def presets_table(budgets: Sequence[Budget], gpu: Gpu) -> Table:
    """The table; floors are those of `gpu`."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(no_wrap=True)
    for budget in budgets:
        table.add_column(budget.name, justify="right", no_wrap=True)
    sections = {
        "parameters, M": _parameters(),
        "tokens a unit": _tokens(),
        "passes a unit": _passes(),
        "operations": _operations(),
        "keys and values, MB": _keys_values(),
        "session of 10 minutes, MB": _session(),
        f"floor of a unit on {gpu.product}, ms": _floor(gpu),
    }
    for title, rows in sections.items():
        table.add_row(f"[bold]{title}[/]")
        for name, cell in rows.items():
            table.add_row(f"  {name}", *map(cell, budgets))
    return table


def _parameters() -> Rows:
    return {
        "backbone": lambda b: _short(b.parameters.backbone / 1e6),
        "embeddings and heads": lambda b: _short(b.parameters.embeddings / 1e6),
        "codecs and encoders": lambda b: _short(b.parameters.codecs / 1e6),
        "together": lambda b: _short(b.parameters.together / 1e6),
    }


def _tokens() -> Rows:
    return {
        "user video + audio": lambda b: f"{b.tokens[Kind.USER_VIDEO]} + {b.tokens[Kind.USER_AUDIO]}",
        "agent text, at most": lambda b: str(b.tokens[Kind.AGENT_TEXT]),
        "agent audio + video": lambda b: f"{b.tokens[Kind.AGENT_AUDIO]} + {b.tokens[Kind.AGENT_VIDEO]}",
        "together": lambda b: f"{b.token_count:,}",
    }


def _passes() -> Rows:
    def thinker(budget: Budget) -> str:
        return " + ".join(str(budget.passes_named(name)) for name in ("state", "text", "commit"))

    return {
        "thinker: state + text + clean": thinker,
        "performer: solver + clean": lambda b: f"{b.passes_named('solve')} + {b.passes_named('clean')}",
    }


def _operations() -> Rows:
    return {
        "thinker, a unit, GFLOP": lambda b: _short(b.unit_flop("thinker") / 1e9),
        "performer, a unit, GFLOP": lambda b: _short(b.unit_flop("performer") / 1e9),
        "both, a minute, TFLOP": lambda b: _short(b.minute_flop / 1e12),
    }


def _keys_values() -> Rows:
    return {
        "number": lambda b: b.number_type,
        "a unit": lambda b: _short(b.kv_unit_bytes / 1e6),
        "a minute": lambda b: _short(b.kv_minute_bytes / 1e6),
        "slots of a cache, tokens": lambda b: f"{b.slots:,}",
        "a cache": lambda b: _short(b.kv_cache_bytes / 1e6),
        "slice to the performer, a unit": lambda b: _short(b.slice_bytes / 1e6),
    }


def _session() -> Rows:
    return {
        "thinker": lambda b: _short(b.session_bytes["thinker"] / 1e6),
        "performer": lambda b: _short(b.session_bytes["performer"] / 1e6),
    }


def _floor(gpu: Gpu) -> Rows:
    return {
        "thinker": lambda b: _short(b.floor_ms("thinker", gpu)),
        "performer": lambda b: _short(b.floor_ms("performer", gpu)),
        "both, less the clean passes": lambda b: _short(b.answer_floor_ms(gpu)),
    }


def _short(number: float) -> str:
    """Three digits, or all before the point."""
    digits = 0 if number >= 100 else 1 if number >= 10 else 2 if number >= 1 else 3
    return f"{number:,.{digits}f}"
