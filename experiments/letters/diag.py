import sys

sys.path.insert(0, "/tmp/wt/let/benchmarks")
sys.path.insert(0, "/tmp/wt/let")
import numpy as np, torch, time
from torch import nn
from torch.nn import functional as F
from pathlib import Path
from reading import questions_of
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.letter_reader import LetterReader
from wan_streamer.model.config import EarConfig

V = vocabulary_named("nano")
torch.manual_seed(0)
torch.set_num_threads(1)


def load(d, limit=None):
    out = []
    for p in sorted(Path(d).glob("*.npy"))[:limit]:
        r = np.load(p)
        if len(r):
            for q in questions_of(r, V):
                h = q.heard
                if len(h) < 40:
                    h = np.concatenate([np.zeros((40 - len(h), *h.shape[1:]), h.dtype), h])
                out.append((h, q.answer))
    return out


MODE = sys.argv[1]
STEPS = int(sys.argv[2])
LR = float(sys.argv[3])
tr = load("/tmp/let/SP", 1200)
val = {n: load("/tmp/let/" + n) for n in ("VK", "VN")}
ans = {}
for x in tr + sum(val.values(), []):
    ans.setdefault(x[1], len(ans))
cfg = EarConfig() if "flat" not in MODE else EarConfig(dilations=())
import dataclasses

if "mem" in MODE:
    cfg = dataclasses.replace(cfg, memories=(14.0, 40.0))
if "wide" in MODE:
    cfg = dataclasses.replace(cfg, width=256, buckets=32768)
m = LetterReader(cfg, 256, 4)
for mod in m.modules():
    if isinstance(mod, nn.Linear):
        nn.init.trunc_normal_(mod.weight, std=0.02) if "def" not in MODE else None
nn.init.trunc_normal_(m.grams.weight, std=0.02 if "big" not in MODE else 0.05)
head = nn.Sequential(nn.SiLU(), nn.Linear(256, len(ans)))
if "nonew" in MODE:

    class Z(nn.Module):
        def forward(s, x):
            return x * 0

    m.level = Z()
if "pd" in MODE:
    head = nn.Sequential(nn.SiLU(), nn.Dropout(0.3), nn.Linear(256, len(ans)))
from wan_streamer.train.spelling import misspell

R = np.random.default_rng(0)
if "drop" in MODE:
    fg = m.find_grams.forward

    def drop(c):
        n = fg(c)
        if m.training:
            n = n * (torch.rand(n.shape) > torch.rand(len(n), 1, 1) * 0.5)
        return n

    m.find_grams.forward = drop
o = torch.optim.AdamW(
    [*m.parameters(), *head.parameters()],
    LR,
    betas=(0.9, 0.98),
    weight_decay=float(sys.argv[4]) if len(sys.argv) > 4 else 0.01,
)


def b(xs, train=False):
    h = torch.from_numpy(np.stack([x[0] for x in xs])).float()
    h[..., 156:] = float("nan")
    if train and "mis" in MODE:
        h = torch.stack([misspell(x, R) for x in h])
    return h


y = np.array([ans[x[1]] for x in tr])
t = time.time()
for s in range(STEPS):
    for g in o.param_groups:
        g["lr"] = LR * min(1, (s + 1) / 50) * (1 - s / STEPS) + 1e-5
    j = np.random.randint(0, len(tr), 96)
    l = F.cross_entropy(head(m(b([tr[i] for i in j], True))[:, -1, -1]), torch.from_numpy(y[j]), label_smoothing=0.05)
    o.zero_grad()
    l.backward()
    o.step()
    if s % 200 == 199 or s == STEPS - 1:
        m.eval()
        with torch.no_grad():
            print(
                MODE,
                LR,
                s + 1,
                round(l.item(), 3),
                {
                    k: round(
                        float(
                            (head(m(b(v))[:, -1, -1]).argmax(1) == torch.tensor([ans[x[1]] for x in v])).float().mean()
                        ),
                        3,
                    )
                    for k, v in val.items()
                },
                round(time.time() - t),
                flush=True,
            )
        m.train()
