import sys, json, time, math, os

sys.path.insert(0, "/tmp/wt/ear")
from pathlib import Path
import numpy as np, torch
from torch import nn
from scipy.signal import fftconvolve
from torch.nn import functional as F
from wan_streamer.model.whisper_ear import *
from wan_streamer.model.whisper_ear import WhisperEncoder, WhisperMel, WINDOW_SAMPLES, RIGHT_TOKENS
from wan_streamer.model.speech_encoder import LETTERS, BLANK
from wan_streamer.train.heard_variant import warped
from wan_streamer.eval.word_errors import count_word_errors

K = len(LETTERS) + 1


def spell(t):
    return [LETTERS.index(c) for c in t.lower() if c in LETTERS]


class Block(nn.Module):
    def __init__(s, w, d):
        super().__init__()
        s.n = nn.LayerNorm(w)
        s.c = nn.Conv1d(w, 2 * w, 3, dilation=d)
        s.o = nn.Linear(w, w)
        s.d = d

    def forward(s, x):
        return x + s.o(F.glu(s.c(F.pad(s.n(x).transpose(1, 2), (2 * s.d, 0))), dim=1).transpose(1, 2))


class Head(nn.Module):
    def __init__(s):
        super().__init__()
        s.i = nn.Linear(384, 256)
        s.b = nn.Sequential(*(Block(256, d) for d in (1, 2, 4, 8)))
        s.n = nn.LayerNorm(256)
        s.l = nn.Linear(256, K)

    def forward(s, x):
        return s.l(s.n(s.b(s.i(x))))


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.encoder = WhisperEncoder()
        s.head = Head()

    def forward(s, mel):
        return s.head(s.encoder(mel))


class Set:
    def __init__(s, *folders):
        s.folders = [Path(f) for f in folders]
        s.seen = set()
        s.audio = []
        s.utts = []
        s.weights = []
        s.more()

    def more(s):
        for d in s.folders:
            for f in sorted(d.glob("[0-9]*.npz")):
                if f in s.seen or ".tmp" in f.name:
                    continue
                s.seen.add(f)
                z = np.load(f)
                m = json.loads(str(z["meta"]))
                segs = [z[f"s{i}"] for i in (range(1 + max(u["seg"] for u in m["utt"])) if m["utt"] else [])]
                for u in m["utt"]:
                    ws = u["words"]
                    # skip where another utterance's words overlap
                    if any(
                        o is not u
                        and o["seg"] == u["seg"]
                        and o["words"][0][1] < ws[-1][2] + 9000
                        and o["words"][-1][2] > ws[0][1] - 3200
                        for o in m["utt"]
                    ):
                        continue
                    if not "".join(w[0] for w in ws).strip():
                        continue
                    s.utts.append((segs[u["seg"]], u))
                    s.weights.append(
                        min(len(ws), 12) * (3 if (u["voice"] or "").startswith(("kokoro", "piper", "flite")) else 1)
                    )
        s.cum = np.cumsum(s.weights)

    def draw(s, r):
        seg, u = s.utts[int(np.searchsorted(s.cum, r.uniform(0, s.cum[-1])))]
        ws = [w for w in u["words"] if not w[3]]
        if r.random() < 0.05 or not ws:  # nothing said
            end = u["words"][0][1] - int(r.integers(800, 6400))
            segs = [(30, 96, [])]
            b = end - WINDOW_SAMPLES
        else:
            j = len(ws) - 1 if r.random() < 0.35 else int(r.integers(len(ws)))
            end = ws[j][2] + int(r.integers(3840, 8960))
            b = end - WINDOW_SAMPLES
            segs = []
            last = None
            for k, w in enumerate(ws):
                if w[1] < b + 320 or w[2] > end - 3840:
                    last = w[2] if w[2] > b else None
                    continue
                f0 = (w[1] - b) // 320 - 1
                f1 = -(-(w[2] - b) // 320) + 3
                if last is not None and f0 - (-(-(last - b) // 320) + 3) > 4:
                    segs.append((-(-(last - b) // 320) + 3, f0, []))
                t = spell((" " if k else "") + w[0])
                rep = sum(x == y for x, y in zip(t, t[1:]))
                if spell(w[0]) and f1 - f0 >= len(t) + rep:
                    segs.append((max(0, f0), f1, t))
                last = w[2]
            segs = [q for q in segs if q[0] >= 0 and q[1] - q[0] > 2 and q[1] <= 100]
        a = seg[max(0, b) : max(0, end)].astype(np.float32) / 32768
        x = np.zeros(WINDOW_SAMPLES, np.float32)
        off = max(0, -b)
        x[off : off + len(a)] = a[: WINDOW_SAMPLES - off]
        real = u["voice"] is None or u["voice"].startswith("amazon")
        if r.random() < (0.8 if real else 0.25):
            if r.random() < (0.6 if real else 0.2):  # a room
                n = int(r.integers(1600, 6400))
                h = (
                    r.standard_normal(n).astype(np.float32)
                    * np.exp(-np.arange(n) / (n / 6.9)).astype(np.float32)
                    * r.uniform(0.02, 0.12)
                )
                h[0] = 1
                x = np.asarray(fftconvolve(x, h)[: len(x)], np.float32)
            lev = np.sqrt(np.mean(x**2)) + 1e-4
            snr = r.uniform(3, 30)
            k = np.fft.rfftfreq(len(x))
            col = r.uniform(0, 1.2)
            z = np.fft.irfft(np.fft.rfft(r.standard_normal(len(x))) / np.maximum(k, 1e-3) ** (col / 2), len(x)).astype(
                np.float32
            )
            z *= lev * 10 ** (-snr / 20) / np.sqrt(np.mean(z**2))
            x = x + z
        return x, segs


def batch(s, r, n, mel, plain):
    xs = []
    fs = []
    ts = []
    while len(xs) < n:
        x, sg = s.draw(r)
        if not sg:
            continue
        fs += [(len(xs), *q[:2]) for q in sg]
        ts += [q[2] for q in sg]
        xs.append(x)
    x = torch.from_numpy(np.stack(xs))
    m = []
    q = max(1, n // 8)
    for i in range(0, n, q):
        mel.filters.copy_(warped(plain, r.uniform(0.85, 1.18)) if r.random() < 0.7 else plain)
        m.append(mel(x[i : i + q]))
    m = torch.cat(m)
    for i in range(n):
        for _ in range(2):
            w = int(r.integers(0, 14))
            a = int(r.integers(0, 80 - w))
            m[i, a : a + w] = m[i].mean()
            w = int(r.integers(0, 9))
            a = int(r.integers(0, 200 - w))
            m[i, :, a : a + w] = m[i].mean()
    return m, fs, ts


def loss_of(logits, fs, ts):
    lp = F.log_softmax(logits.float(), -1)
    L = max(b - a for _, a, b in fs)
    at = torch.tensor([[i, a] for i, a, b in fs])
    rows = (at[:, 1:] + torch.arange(L)).clamp(max=lp.shape[1] - 1)
    p = lp[at[:, :1], rows].transpose(0, 1)
    return F.ctc_loss(
        p,
        torch.tensor([c for t in ts for c in t]),
        torch.tensor([b - a for _, a, b in fs]),
        torch.tensor([len(t) for t in ts]),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    ) / sum(max(1, len(t)) for t in ts)


def collapse(a):
    return [int(x) for i, x in enumerate(a) if x != BLANK and (i == 0 or a[i - 1] != x)]


@torch.inference_mode()
def stream(net, mel, seg, lo, hi, phase=0, bf=True):
    """tokens as serving gives them: windows every 320 ms"""
    first = lo - 3200 + phase
    n = -(-(hi + 9000 - first) // 5120)
    pad = np.zeros(WINDOW_SAMPLES + n * 5120 + 6000, np.float32)
    ws = []
    for k in range(n):
        e = first + (k + 1) * 5120
        b = e - WINDOW_SAMPLES
        a = seg[max(0, b) : max(0, e)].astype(np.float32) / 32768
        x = np.zeros(WINDOW_SAMPLES, np.float32)
        off = max(0, -b)
        x[off : off + len(a)] = a
        ws.append(x)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf):
        o = net.encoder(mel(torch.from_numpy(np.stack(ws))))[:, -RIGHT_TOKENS - 16 : -RIGHT_TOKENS].flatten(0, 1)
        o = net.head(o[None])[0]
    return o.float()


def evaluate(net, s, limit=None, show=0):
    net.eval()
    mel = WhisperMel()
    e = n = 0
    pv = {}
    us = [x for x in s.utts if x[1]["kind"] == "UserTurn" and x[1]["to"] == "agent"][:limit]
    for seg, u in us:
        ws = u["words"]
        t = spell(" ".join(w[0] for w in ws))
        g = collapse(stream(net, mel, seg, ws[0][1], ws[-1][2]).argmax(-1).tolist())
        # strip spaces
        d = count_word_errors([LETTERS[c] for c in t], [LETTERS[c] for c in g])
        w = d.substituted + d.deleted + d.inserted
        e += w
        n += d.word_count
        p = pv.setdefault(u["voice"], [0, 0])
        p[0] += w
        p[1] += d.word_count
        if show > 0:
            print("  ", "".join(LETTERS[c] for c in t), "|", "".join(LETTERS[c] for c in g), "|", u["voice"])
            show -= 1
    net.train()
    return e / n, {k: round(a / b, 2) for k, (a, b) in pv.items()}, len(us)


if __name__ == "__main__":
    import argparse

    p = argparse.ArgumentParser()
    p.add_argument("--out")
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--resume", action="store_true")
    p.add_argument("--data", nargs="+")
    p.add_argument("--every", type=int, default=250)
    p.add_argument("--init")
    p.add_argument("--hf", type=float, default=15.0)
    p.add_argument("--compile", action="store_true")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    out = Path(o.out)
    out.mkdir(exist_ok=True, parents=True)
    torch.manual_seed(0)
    net = Net()
    from wan_streamer.train.whisper_ear_weights import whisper_ear_from_package

    net.encoder.load_state_dict(torch.load("/tmp/ear/tiny.pt"))
    head = list(net.head.parameters())
    groups = [dict(params=list(net.encoder.parameters()), f=1.0), dict(params=head, f=o.hf)]
    opt = torch.optim.AdamW(groups, lr=o.lr, weight_decay=0.01, betas=(0.9, 0.98))
    ema = {k: v.clone() for k, v in net.state_dict().items()}
    step = 0
    if o.resume and (out / "last.pt").exists():
        c = torch.load(out / "last.pt")
        net.load_state_dict(c["net"])
        opt.load_state_dict(c["opt"])
        ema = c["ema"]
        step = c["step"]
    if o.init and step == 0:
        net.load_state_dict(torch.load(o.init)["net"])
        ema = {k: v.clone() for k, v in net.state_dict().items()}
    S = Set(*o.data)
    V = Set("/tmp/ear/vko")
    mel = WhisperMel()
    plain = mel.filters.clone()
    print(len(S.utts), "utterances", len(V.utts), flush=True)
    t0 = time.time()
    tot = 0
    cnt = 0
    stop = []
    import signal

    signal.signal(signal.SIGINT, lambda *a: stop.append(1))
    fwd = torch.compile(net) if o.compile else net

    def save():
        tmp = out / "last.tmp"
        torch.save(dict(net=net.state_dict(), opt=opt.state_dict(), ema=ema, step=step), tmp)
        os.replace(tmp, out / "last.pt")

    while step < o.steps and not stop:
        r = np.random.default_rng([7, step])
        lr = o.lr * min(1, (step + 1) / 200) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / o.steps)))
        for g in opt.param_groups:
            g["lr"] = lr * g["f"]
        m, fs, ts = batch(S, r, o.batch, mel, plain)
        with torch.autocast("cpu", torch.bfloat16):
            lo = fwd(m)
        l = loss_of(lo, fs, ts)
        opt.zero_grad()
        l.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        with torch.no_grad():
            d = min(0.998, (1 + step) / (10 + step))
            for k, v in net.state_dict().items():
                ema[k].lerp_(v, 1 - d)
        step += 1
        tot += l.item()
        cnt += 1
        if step % 50 == 0:
            print(step, "loss %.3f" % (tot / cnt), "%.2f s/step" % ((time.time() - t0) / cnt), flush=True)
            tot = cnt = 0
            t0 = time.time()
        if step % o.every == 0:
            S.more()
            save()
            e = Net()
            e.load_state_dict(ema)
            r_, pv, n = evaluate(e, V, 60, show=3 if step % (2 * o.every) == 0 else 0)
            print(step, "VAL letters wrong %.3f" % r_, pv, n, "utts", len(S.utts), flush=True)
            t0 = time.time()
    save()
