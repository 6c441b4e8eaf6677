"""start.py SHIPPED READER OUT: all but what hears of the weights that shipped, and the reader of others."""

import sys
from pathlib import Path
import torch
from wan_streamer.model.model_weights import config_of, fill_trained, pack_model, trained_tensors
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.row_integers import restored
from wan_streamer.model.senses import WITH_PICTURES, senses_metadata
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.model.weights_file import read_weights

old, reader, out = map(Path, sys.argv[1:])
m = untrained(nano(), 0)
use_shipped_senses(m)
meta, packed = read_weights(old)
kept = {n: t for n, t in restored(packed).items() if not n.startswith("user_audio.")}
_, r = read_weights(reader)
hears = {n: t for n, t in restored(r).items() if n.startswith("user_audio.")}
own = trained_tensors(m)
assert set(kept) | set(hears) == set(own), set(own) ^ (set(kept) | set(hears))
fill_trained(m, {**kept, **hears})
out.write_bytes(
    pack_model(
        m, {k: v for k, v in meta.items() if k not in ("config",)} | senses_metadata(m, pictures=True), torch.float16
    )
)
print(out, len(out.read_bytes()))
