"""The list of a source's clips that ships with every data set: where each comes from, whose it is, which split.

JSON lines: a header (versions, sha256, licences, counts, what is held out), then one clip a line in the order of their
names. The same packages give the same bytes, so the file's sha256 names the data; it goes into the metadata of
weights that were trained on it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.clip import Clip
from wan_streamer.train.data.sources.recipes import Recipe
from wan_streamer.train.data.sources.splits import SPLITS, HeldOut, Split, SplitRule, hold_out

FORMAT: Final = "wan-streamer-clips-1"


@dataclass(frozen=True)
class Manifest:
    """A manifest as read: its header, its clips with their splits, and the sha256 of the file."""

    header: dict[str, Any]
    clips: tuple[tuple[Clip, Split], ...]
    sha256: str

    def split(self, split: Split) -> list[Clip]:
        """The clips of one split, in order."""
        return [clip for clip, found in self.clips if found == split]


def make_manifest(recipe: Recipe, clips: Sequence[Clip], rule: SplitRule, notes: dict[str, int]) -> bytes:
    """The manifest's bytes.

    Args:
        notes: what was left out, and how often.
    """
    ordered = sorted(clips, key=lambda clip: clip.name)
    held_out = hold_out(ordered, rule)
    rows = [{**asdict(clip), "split": held_out.split_of(clip)} for clip in ordered]
    lines = [_header(recipe, ordered, held_out, notes), *rows]
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines).encode()


def _header(recipe: Recipe, clips: Sequence[Clip], held_out: HeldOut, notes: dict[str, int]) -> dict[str, Any]:
    counts = {}
    for split in SPLITS:
        inside = [clip for clip in clips if held_out.split_of(clip) == split]
        counts[split] = {"clips": len(inside), "seconds": round(sum(clip.seconds for clip in inside), 3)}
    return {
        "format": FORMAT,
        "source": recipe.name,
        "holds": recipe.holds,
        "packages": [asdict(package) for package in recipe.packages],
        "clips": len(clips),
        "splits": counts,
        "held_out_speakers": sorted(held_out.speakers),
        "held_out_dialogues": sorted(held_out.dialogues),
        "left_out": notes,
    }


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest.

    Raises:
        InvalidInput: it is missing, of another format or truncated.
    """
    try:
        content = path.read_bytes()
        header, *rows = [json.loads(line) for line in content.decode("utf-8").splitlines()]
        clips = tuple(_clip(row) for row in rows)
        wrong = header.get("format") != FORMAT or header.get("clips") != len(clips)
    except OSError as error:
        raise InvalidInput(
            f"got no manifest {path} ({error.strerror}); run wan-streamer data fetch", reason="MANIFEST"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"got {path} that is no manifest ({error}); fetch again", reason="MANIFEST") from error
    if wrong:
        raise InvalidInput(
            f"got {path} with {len(clips)} clips in format {header.get('format')}, expected {header.get('clips')} in "
            f"{FORMAT}; it is truncated or old: fetch again",
            reason="MANIFEST",
        )
    return Manifest(header, clips, hashlib.sha256(content).hexdigest())


def _clip(row: dict[str, Any]) -> tuple[Clip, Split]:
    split = row.pop("split")
    if split not in SPLITS:
        raise ValueError(f"split {split!r}")
    return Clip(**row), split
