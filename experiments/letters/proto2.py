import sys

sys.path.insert(0, "/tmp/wt/let/benchmarks")
sys.path.insert(0, "/tmp/wt/let")
import numpy as np, torch, time, json
from torch import nn
from torch.nn import functional as F
from pathlib import Path
from reading import questions_of
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.speller import BLANK
from wan_streamer.model.config import LETTERS as LT

V = vocabulary_named("nano")
torch.manual_seed(0)
torch.set_num_threads(1)
import os, pickle

NS = tuple(map(int, os.environ.get("NS", "2,3,4").split(",")))
RATE = float(os.environ.get("RATE", "0"))
STEPS = int(os.environ.get("STEPS", "1200"))
CONF = np.full((39, 39), 1.0)
for g in ("aeiouyh", "bcdfghjklmnpqrstvwxz"):
    for a in g:
        for b in g:
            CONF[LT.index(a), LT.index(b)] += 2
for g in ("pbtdkg", "fvszc", "mn", "lrw", "ckgq", "jgzs", "dt", "bp", "vfw", "ie", "oua", "ea"):
    for a in g:
        for b in g:
            CONF[LT.index(a), LT.index(b)] += 8
CONF[np.arange(39), np.arange(39)] = 0
CONF[:, 0] = 0
CONF[:, 38] = 0
CONF /= CONF.sum(1, keepdims=True)
CC = CONF.cumsum(1)


def noisy(l, a):
    r = np.random.rand() * RATE
    u = np.random.rand(len(l))
    l = l.copy()
    rep = u < r * 0.5
    l[rep] = [np.searchsorted(CC[c], np.random.rand()) for c in l[rep]]
    l = np.minimum(l, 37)
    keep = ~((u >= r * 0.5) & (u < r * 0.85))
    dup = (u >= r * 0.85) & (u < r)
    idx = np.repeat(np.arange(len(l)), np.where(dup, 2, 1) * keep)
    l2 = l[idx].copy()
    return l2, a[idx]


def load(d, limit=None):
    if limit is None or limit > 5000:
        f = f"/tmp/let/cache_{Path(d).name}.pkl"
        if os.path.exists(f):
            return pickle.load(open(f, "rb"))
        r = load_(d, limit)
        pickle.dump(r, open(f, "wb"))
        return r
    return load_(d, limit)


def load_(d, limit=None):
    out = []
    for p in sorted(Path(d).glob("*.npy"))[:limit]:
        r = np.load(p)
        if not len(r):
            continue
        for q in questions_of(r, V):
            h = q.heard
            c = h[..., :156].reshape(-1, 39).argmax(-1)
            T = len(c)
            em = (c != BLANK) & (c != np.r_[BLANK, c[:-1]])
            pos = np.flatnonzero(em)
            out.append((c[pos], (T - 1 - pos) * 0.02, q.answer, q.said))
    return out


SPACE = 0


def grams(l, a, N=NS, B=1 << 15):
    k = l != SPACE
    l = l[k].astype(np.int64)
    a = a[k]
    ids = []
    ages = []
    for n in N:
        if len(l) < n:
            continue
        h = np.zeros(len(l) - n + 1, np.int64)
        for j in range(n):
            h = h * 40503 + l[j : len(l) - n + 1 + j] + 1
        h = (h * 2654435761 + n * 97) % B
        ids.append(h)
        ages.append(a[n - 1 :])
    if not ids:
        return np.zeros(1, np.int64), np.ones(1) * 9
    return np.concatenate(ids), np.concatenate(ages)


if __name__ == "__main__":
    t = time.time()
    tr = load("/tmp/let/H1") + load("/tmp/let/SP", int(sys.argv[1]))
    val = {n: load("/tmp/let/" + n) for n in ("VK", "VN", "SPv")}
    print(len(tr), {k: len(v) for k, v in val.items()}, time.time() - t, flush=True)
    ans = {}
    for x in tr + sum(val.values(), []):
        ans.setdefault(x[2], len(ans))
    seen = {x[2] for x in tr}
    print(len(ans), "answers", {k: sum(x[2] in seen for x in v) / len(v) for k, v in val.items()})
    D = 64
    E = nn.EmbeddingBag(1 << 15, D, mode="sum")
    nn.init.normal_(E.weight, std=0.05)

    class M(nn.Module):
        def __init__(s):
            super().__init__()
            s.E = nn.ModuleList([nn.EmbeddingBag(1 << 15, D, mode="sum") for _ in range(2)])
            [nn.init.normal_(e.weight, std=0.05) for e in s.E]
            s.n = nn.LayerNorm(2 * D)
            s.f = nn.Sequential(nn.Linear(2 * D, 256), nn.SiLU(), nn.Dropout(0.2), nn.Linear(256, len(ans)))

        def forward(s, ids, off, ages):
            y = [e(ids, off, per_sample_weights=torch.exp(-ages / t)) for e, t in zip(s.E, (1.0, 3.0))]
            return s.f(s.n(torch.cat(y, 1)))

    m = M()
    opt = torch.optim.AdamW(m.parameters(), 2e-3, weight_decay=0.05)
    G = {id(x): grams(x[0], x[1]) for x in tr + sum(val.values(), [])}

    def batch(xs, train):
        ids = []
        ages = []
        off = []
        n = 0
        for x in xs:
            i, a = grams(*noisy(x[0], x[1])) if train and RATE else G[id(x)]
            if train:
                k = np.random.rand(len(i)) > np.random.rand() * 0.4
                if k.any():
                    i, a = i[k], a[k]
                a = a + np.random.rand() * 0.5
            off.append(n)
            n += len(i)
            ids.append(i)
            ages.append(a)
        return torch.from_numpy(np.concatenate(ids)), torch.tensor(off), torch.from_numpy(np.concatenate(ages)).float()

    y = np.array([ans[x[2]] for x in tr])
    steps = STEPS
    for s in range(steps):
        for g in opt.param_groups:
            g["lr"] = 2e-3 * (1 - s / steps) + 2e-5
        j = np.random.randint(0, len(tr), 128)
        if s % 4 == 0:
            j[:16] = np.random.randint(0, 900, 16)
        l = F.cross_entropy(m(*batch([tr[i] for i in j], True)), torch.from_numpy(y[j]), label_smoothing=0.05)
        opt.zero_grad()
        l.backward()
        opt.step()
        if s % 400 == 399:
            m.eval()
            with torch.no_grad():
                print(
                    s + 1,
                    round(l.item(), 3),
                    {
                        k: (
                            round(
                                float(
                                    (m(*batch(v, False)).argmax(1) == torch.tensor([ans[x[2]] for x in v]))
                                    .float()
                                    .mean()
                                ),
                                3,
                            )
                        )
                        for k, v in val.items()
                    },
                    round(time.time() - t),
                    flush=True,
                )
            m.train()
