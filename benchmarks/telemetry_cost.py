"""What does tracing cost a unit? Microseconds on the thread that serves it, and in the background.

    .venv/bin/python benchmarks/telemetry_cost.py

A thinker's unit has eight stages and nine spans, the most of the three services.
"""

import statistics
import tempfile
import time
from pathlib import Path

from machine import describe_machine
from prometheus_client import CollectorRegistry

from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.metrics import ServiceMetrics
from wan_streamer.telemetry.summary import STAGES
from wan_streamer.telemetry.traces import configure_tracing

UNIT_COUNT = 400
UNITS_PER_SECOND = 100  # sixteen sessions
TRACEPARENT = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def serve_unit(recorder: FlightRecorder, unit_index: int) -> tuple[float, float, float]:
    """Microseconds of begin, of the stamps of all stages and of end."""
    start_ns = time.perf_counter_ns()
    flight = recorder.begin("s1", unit_index, TRACEPARENT)
    begun_ns = time.perf_counter_ns()
    for name in STAGES["thinker"]:
        with flight.stage(name):
            pass
    stamped_ns = time.perf_counter_ns()
    flight.end("ON_TIME", model_latency_ms=80.0)
    ended_ns = time.perf_counter_ns()
    return (begun_ns - start_ns) / 1e3, (stamped_ns - begun_ns) / 1e3, (ended_ns - stamped_ns) / 1e3


def run(trace_dir: Path | None) -> tuple[list[list[float]], float]:
    """Times of begin, stamps and end of every unit, and CPU time of the other threads, in microseconds a unit."""
    process_start_ns, thread_start_ns = time.process_time_ns(), time.thread_time_ns()
    with configure_tracing("thinker", trace_dir=trace_dir) as tracing:
        recorder = FlightRecorder(tracing, ServiceMetrics("thinker", CollectorRegistry()))
        units = []
        for unit_index in range(UNIT_COUNT):
            units.append(serve_unit(recorder, unit_index))
            time.sleep(1 / UNITS_PER_SECOND)
    own_ns = time.thread_time_ns() - thread_start_ns
    background_us = (time.process_time_ns() - process_start_ns - own_ns) / 1e3 / UNIT_COUNT
    return [list(times_us) for times_us in zip(*units, strict=True)], background_us


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = {"metrics only": run(None), "metrics, spans to a file": run(Path(folder))}
    print(f"telemetry cost of a thinker's unit, {UNITS_PER_SECOND} units/s; {describe_machine()}")
    print(f"{'microseconds, p50 (p99)':28}{'begin':>16}{'8 stages':>16}{'end':>16}{'background':>12}")
    for name, (parts, background_us) in runs.items():
        cells = "".join(
            f"{f'{statistics.median(times_us):.0f} ({statistics.quantiles(times_us, n=100)[98]:.0f})':>16}"
            for times_us in parts
        )
        print(f"{name:28}{cells}{background_us:12.0f}")


if __name__ == "__main__":
    main()
