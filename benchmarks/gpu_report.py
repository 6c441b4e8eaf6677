"""docs/gpu.md from what gpu_check.py measured.

.venv/bin/python benchmarks/gpu_report.py > docs/gpu.md
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

RESULT = Path(__file__).parent / "results" / "gpu.json"
STAGES: Final = (
    *("encode", "state", "text", "append", "solve", "decode", "clean", "commit"),
    *("thinker", "performer", "answer"),
)
# Whole unit of one session on one GPU for each process, 99th percentile.
TARGETS_MS: Final = {("v0_1", "performer"): 60, ("v0_2_1b7", "performer"): 120, ("v0_2_1b7", "thinker"): 30}

HEAD: Final = """# The GPU path

Generated: `benchmarks/gpu_report.py > docs/gpu.md`, from what `make gpu-check` measured. Do not edit.

- **Graphs.** A session's passes read and write memory that keeps its place. `KvCache.move` writes where a unit's
  tokens stand (RoPE, slots, what is seen) into it, and each pass is one CUDA graph: the state pass, the words of a
  unit, all solver steps, the clean pass (`wan_streamer/engine/captured.py`). Solver and clean pass are two graphs,
  not one: the answer leaves between them. `--eager` runs the same functions without graphs.
- **At the start.** Graphs hang on addresses, so the memory of every session that is admitted is made and captured
  before the first one opens (`seats.py`); opening takes a free seat. Where memory ends first, fewer are admitted, and
  a larger `--max-sessions` is refused (reason `MEMORY`).
- **No waiting.** Nothing between the user's tokens and the latents waits for the GPU but one read of a unit's words:
  words are chosen on the device, what follows LISTEN or END is computed and forgotten. On a processor reading is
  free, so there the text stops early.
- **Attention** is PyTorch's memory-efficient kernel, by name; where it is missing the service does not start (reason
  `ATTENTION_KERNEL`).
- **Numbers.** `--dtype bfloat16`: backbone, keys and values, and the slices on the wire; codecs, encoders and the
  solver's latents stay float32. A thinker and a performer of different numbers refuse each other (reason
  `NUMBER_TYPE`).
- Encoders and decoders are eager. On a GPU a stage's stamps say when its work was handed over, but for `text`,
  `solve` and `decode`, which end with a read.
"""

NOT_RUN: Final = """
## Not run

**No GPU has run this.** What the tests check on processors alone:

- Passes replayed as recorded operators on recorded memory, without Python, over two sessions on one seat equal
  running them, bit for bit, for lag 0 and 1; words chosen without reading and cut afterwards equal words that stop
  early (`tests/unit/test_engine_captured.py`).
- The same passes equal one training forward over the same tokens, float64 to 1e-10, far past every window
  (`tests/unit/test_engine_parity.py`); ranks equal one process, and snapshots go on bit for bit
  (`tests/unit/engine_ulysses`, `tests/unit/engine_snapshot`).
- bfloat16 through the performer service gives the engine's latents; unlike numbers are refused
  (`tests/contract/test_number_type.py`).
- Every part of `make gpu-check` runs at small size (`tests/unit/test_gpu_check.py`).

Not checked: the capture itself, that nothing waits for the GPU and that graphs equal eager passes
(`tests/gpu/test_engine_cuda.py` holds both where there is a GPU), what bfloat16 costs of the large presets' accuracy,
NCCL (ranks have talked through gloo only), memory and places on a device, how long `make gpu-check` takes, and how fast
anything is. What a GPU could do at best: [model.md](model.md).

Where to look first: a word is one query over the whole cache, and the kernel gives each key-value head of it to one
multiprocessor (a kernel that splits the slots would use all); and how near the masked kernel comes to the flash one in
the latent passes, where most of the work of v0_2 is. `make gpu-check` measures both.
"""


def render(result: dict[str, Any] | None) -> str:
    """The whole document."""
    return HEAD + (NOT_RUN if result is None else "\n".join(_measured(result)) + "\n")


def _measured(result: dict[str, Any]) -> Iterator[str]:
    yield f"\n## Measured\n\n`make gpu-check` on {result['gpu']}; {result['machine']}, torch {result['torch']}.\n"
    if result["left_out"]:
        yield "**Left out:**\n"
        yield from (f"- {line}" for line in result["left_out"])
        yield ""
    if "agreement" in result:
        yield "| nano's latents over some units | largest difference, relative | limit | agrees |\n|---|---|---|---|"
        for name, each in result["agreement"].items():
            yield f"| {name} | {each['difference']:.2g} | {each['limit']:g} | {'yes' if each['agrees'] else '**no**'} |"
        yield ""
    if "limits" in result:
        limits = result["limits"]
        yield f"Matrix products, bfloat16: {limits['matmul_tflop_per_s']:.0f} TFLOP/s; copies within the memory: "
        yield f"{limits['copy_terabyte_per_s']:.2f} TB/s.\n"
    if "attention" in result:
        yield "| attention of a latent pass of v0_2, by kernel | TFLOP/s |\n|---|---|"
        for name, value in result["attention"].items():
            yield f"| {name} | {value if isinstance(value, str) else f'{value:.0f}'} |"
        yield ""
    if result["presets"]:
        yield from _presets(result["presets"])


def _presets(presets: dict[str, Any]) -> Iterator[str]:
    names = list(presets)
    yield f"Random weights, full caches, one session; p50 / p99 in ms.\n\n| | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for stage in STAGES:
        yield _row(stage, [f"{each['p50']:.1f} / {each['p99']:.1f}" for each in _stage(presets, stage)])
    yield _row("units", [str(each["units"]) for each in presets.values()])
    yield _row("made and captured, s", [f"{each['prepare_s']:.0f}" for each in presets.values()])
    yield _row("tokens a second", [f"{each['tokens_per_s']:,.0f}" for each in presets.values()])
    for process in ("thinker", "performer"):
        fractions = [f"{each['ceiling_fraction'][process]:.0%}" for each in presets.values()]
        yield _row(f"{process}: of the measured ceiling", fractions)
        yield _row(f"{process}: sessions by time", [str(each["sessions"][process]) for each in presets.values()])
    for key, words in (
        ("weight_bytes", "weights, GB"),
        ("peak_bytes", "at most in use (both processes), GB"),
        ("sessions_with_room", "performer: sessions by memory"),
    ):
        values = [each["memory"].get(key, "") for each in presets.values()]
        yield _row(words, [f"{value / 1e9:.1f}" if key.endswith("bytes") and value else str(value) for value in values])
    for (name, process), target in TARGETS_MS.items():
        if name in presets:
            p99 = presets[name]["stages_ms"][process]["p99"]
            yield f"\nTarget: {name}, {process}, whole unit p99 under {target} ms: " + (
                f"{p99:.1f}, met." if p99 < target else f"{p99:.1f}, **not met**."
            )


def _stage(presets: dict[str, Any], stage: str) -> list[dict[str, float]]:
    return [each["stages_ms"][stage] for each in presets.values()]


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(render(json.loads(RESULT.read_text()) if RESULT.is_file() else None), end="")
