"""What `helm test` runs: plays a media file (or a tone) to the agent with the client and counts what comes back."""

import json
import math
import pathlib
import subprocess
import sys
import wave

RATE_HZ, SECONDS = 16_000, 4
UNITS_A_SECOND = 6.25
# Of the gateway's certificate; a certificate of a public CA comes without.
CA_FILE = pathlib.Path("/etc/wan-streamer-tls/ca.crt")


def write_tone(path: pathlib.Path) -> None:
    """A file for images that have none."""
    samples = (round(8000 * math.sin(2 * math.pi * 220 * n / RATE_HZ)) for n in range(RATE_HZ * SECONDS))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def main(server: str, media: str, *options: str) -> int:
    """0 when every unit came once, in order, and most of them with sound and pictures."""
    path = pathlib.Path(media or "/tmp/tone.wav")
    if not media:
        write_tone(path)
    out = pathlib.Path("/tmp/out")
    if "--tls" in options and CA_FILE.exists():
        options = (*options, "--tls-ca-file", str(CA_FILE))
    subprocess.run(["wan-streamer", "talk", str(path), "--server", server, "--out", str(out), *options], check=True)
    units = [json.loads(line) for line in (out / "units.jsonl").read_text().splitlines()]
    indices = [unit["unit_index"] for unit in units]
    answered = sum(unit["outcome"] != "SKIPPED" for unit in units)
    print(f"{len(units)} units, {answered} answered")
    if not units or indices != list(range(len(units))):
        print(f"got unit indices {indices}, expected each once and in order")
        return 1
    if not media and len(units) < SECONDS * UNITS_A_SECOND:
        print(f"got {len(units)} units, expected {SECONDS * UNITS_A_SECOND:g}")
        return 1
    if answered < len(units) / 2:
        print("got answers to less than half of the units: see the outcomes in the gateway's log and metrics")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
