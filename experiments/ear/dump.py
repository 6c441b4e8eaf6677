"""python dump.py OUT SPLIT COUNT SEED [k=v ...]: user audio around speech + word times."""
import sys, json, dataclasses, random

from pathlib import Path
import numpy as np
import wan_streamer.train.data.voices.names as names
EXTRA_F='f3 Alicia Andrea Annie anika aunty belinda linda steph steph2 steph3 shelby grandma'.split()
EXTRA_M='m3 m4 m5 m7 m8 Andy Alex Lee Mario Michael Mike adam benjamin boris caleb david ed ian iven iven2 john max michel mike2 norbert paul quincy rob robert victor travis zac klatt klatt2 klatt3 Jacky Gene Reed Hugo Denis grandpa miguel'.split()
ACC=('en-us','en-gb','en-gb-scotland','en-gb-x-rp','en-029','en-gb-x-gbclan','en-gb-x-gbcwmd')
EXTRA=[f'espeak-{s}@{a}' for s in EXTRA_F+EXTRA_F+EXTRA_M for a in ACC]
import wan_streamer.train.data.generate.cast as cast_
BASE=cast_.USER_VOICES
names.USER_VOICES=(*BASE,*dict.fromkeys(EXTRA))
from wan_streamer.train.data.generate.cast import Cast, default_cast
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.make import ConversationMaker
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.events import AgentTurn, UserTurn
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.store.opus import encode_opus, decode_opus
class Mixed(Cast):
    def voices_of(self, split):
        own=super().voices_of(split)
        if split!='train': return own
        r=random.Random(1); slow=[v for v in own if v.startswith(('kokoro','piper'))]; fast=[v for v in own if v not in slow]
        flite=[v for v in own if v.startswith('flite')]
        # 30 espeak + 2 flite + 4 slow; extras 120
        return tuple(fast+flite*25+slow*SLOW+[v for v in r.sample(EXTRA,220)])
SLOW=1
@dataclasses.dataclass(frozen=True,kw_only=True)
class O(DrawOptions):
    extra: bool=False
    @property
    def cast(self):
        c=default_cast()
        return Mixed(voices=c.voices,faces=c.faces) if self.extra else super().cast
class SilentAgent(ConversationMaker): pass
def main(out,split,count,seed,kw,rank,of):
    global SLOW
    SLOW=kw.pop('slow',1); opus=kw.pop('opus',0)
    o=O(split=split,count=count,seed=seed,wordings=1,**kw)
    out.mkdir(parents=True,exist_ok=True)
    scripts=list(o.generator().scripts(o.seed,o.count))
    maker=ConversationMaker(DataCache(default_root()))
    for n,s in enumerate(scripts):
        f=out/f'{n:06d}.npz'
        if n%of!=rank or f.exists(): continue
        try: tl,audio=maker.hear(s)
        except InvalidInput as e:
            if e.reason!='SCRIPT': print(n,e,flush=True); 
            continue
        if n%4>=2 or opus:
            audio=decode_opus(encode_opus(audio,16000,12000),16000,len(audio))
        voices={v.id:v.voice for v in s.visitors}
        us=[u for u in tl.utterances if not isinstance(u.event,AgentTurn) and u.words]
        us.sort(key=lambda u:u.begin_us)
        segs=[]  # merge stretches
        for u in us:
            lo=max(0,int((u.words[0].begin_us-2_200_000)*.016)); hi=min(len(audio),int((u.words[-1].end_us+800_000)*.016))
            if segs and lo<=segs[-1][1]: segs[-1][1]=max(hi,segs[-1][1])
            else: segs.append([lo,hi])
        a16=np.clip(audio*32768,-32768,32767).astype(np.int16)
        arrays={f's{i}':a16[lo:hi] for i,(lo,hi) in enumerate(segs)}
        utt=[]
        for u in us:
            b=int(u.words[0].begin_us*.016); i=next(i for i,(lo,hi) in enumerate(segs) if lo<=b<hi); lo=segs[i][0]
            e=u.event
            utt.append(dict(seg=i,voice=voices.get(getattr(e,'visitor',None)),to=getattr(e,'to',None),intent=getattr(e,'intent',None),text=e.text,kind=type(e).__name__,
               words=[(w.text,int(w.begin_us*.016)-lo,int(w.end_us*.016)-lo,w.is_cut) for w in u.words]))
        np.savez(f.with_suffix('.tmp.npz'),meta=json.dumps(dict(utt=utt,segs=segs,name=s.name)),**arrays)
        f.with_suffix('.tmp.npz').rename(f)
        if n%100<of: print(n,flush=True)
if __name__=='__main__':
    out,split,count,seed,rank,of=Path(sys.argv[1]),sys.argv[2],int(sys.argv[3]),int(sys.argv[4]),int(sys.argv[5]),int(sys.argv[6])
    kw={}
    for a in sys.argv[7:]:
        k,v=a.split('='); kw[k]={'True':True}.get(v, int(v) if v.isdigit() else (tuple(v.split('+')) if k=='engines' else v))
    main(out,split,count,seed,kw,rank,of)
