import sys

sys.path.insert(0, "/tmp/ear")
sys.path.insert(0, "/work/main/benchmarks")
ck = sys.argv[1]
names = sys.argv[2:]
sys.argv = ["x"]
from train import *
from collections import Counter
from random import Random
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from cascade import Nearest

torch.set_num_threads(1)
letters = lambda t: "".join(c for c in t.lower() if c in LETTERS)
book = PhraseBook(read_domain(DEFAULT_DOMAIN))
r = Random(0)
near = Nearest(
    sorted({(str(t.name), letters(book.draw(t, "train", r).text)) for t in book.domain.topics() for _ in range(60)})
    if hasattr(book, "domain")
    else sorted(
        {
            (str(t.name), letters(book.draw(t, "train", r).text))
            for t in read_domain(DEFAULT_DOMAIN).topics()
            for _ in range(60)
        }
    )
)
c = torch.load(ck)
net = Net()
net.load_state_dict(c["ema"])
net.eval()
mel = WhisperMel()
print(ck, c["step"])
for name in names:
    V = Set("/tmp/ear/" + name)
    e = n = ok = okt = 0
    we = wn = 0
    N = 0
    pv = {}
    for seg, u in V.utts:
        if u["kind"] != "UserTurn" or u["to"] != "agent" or not u["intent"]:
            continue
        ws = u["words"]
        t = letters(" ".join(w[0] for w in ws))
        g = "".join(
            LETTERS[q] for q in collapse(stream(net, mel, seg, ws[0][1], ws[-1][2]).argmax(-1).tolist())
        ).strip()
        d = count_word_errors(list(t), list(g))
        e += d.substituted + d.deleted + d.inserted
        n += d.word_count
        w = count_word_errors(t.split(), g.split())
        we += w.substituted + w.deleted + w.inserted
        wn += w.word_count
        o = near.intent(g) == u["intent"]
        ok += o
        okt += near.intent(t) == u["intent"]
        N += 1
        p = pv.setdefault(u["voice"], [0, 0, 0, 0])
        p[0] += d.substituted + d.deleted + d.inserted
        p[1] += d.word_count
        p[2] += o
        p[3] += 1
        if N < 8:
            print("  ", t, "|", g, "|", u["voice"])
    print(
        name,
        "letters wrong %.3f words wrong %.3f intents right %.3f (true text %.3f) n %d"
        % (e / n, we / wn, ok / N, okt / N, N),
        {k: (round(v[0] / v[1], 2), v[2], v[3]) for k, v in pv.items()},
        flush=True,
    )
