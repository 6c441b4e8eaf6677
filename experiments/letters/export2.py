import sys

ck, out = sys.argv[1:3]
sys.path.insert(0, "/tmp/wt/let")
import torch, safetensors.torch
from pathlib import Path
from wan_streamer.model.whisper_ear import WhisperEar, load_whisper_ear
from wan_streamer.model.row_integers import rounded

c = torch.load(ck, map_location="cpu")
e = c["ema"]
ear = WhisperEar()
ear.encoder.load_state_dict({k[8:]: v for k, v in e.items() if k.startswith("encoder.")})
sp = {}
for k, v in e.items():
    if not k.startswith("head."):
        continue
    k = k[5:]
    if k.startswith("i."):
        n = "0." + k[2:]
    elif k.startswith("n."):
        n = "5." + k[2:]
    elif k.startswith("l."):
        n = "6." + k[2:]
    else:
        _, i, p, w = k.split(".")
        n = f"{int(i) + 1}." + {"n": "norm", "c": "conv.conv", "o": "out"}[p] + "." + w
    sp[n] = v
ear.speller.load_state_dict(sp)
meta = dict(
    kind="whisper-ear",
    recipe_name="ear-nano",
    steps=str(c["step"]),
    date="2026-11-23",
    hardware="AMD EPYC, 2 cores",
    authors="Whisper tiny.en: Alec Radford et al., OpenAI (arXiv 2212.04356), MIT; trained on",
)
Path(out).write_bytes(safetensors.torch.save(rounded(ear.state_dict()), meta))
load_whisper_ear(Path(out))
print(Path(out).stat().st_size)
