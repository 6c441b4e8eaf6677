import sys, json; 
from pathlib import Path
import numpy as np, soxr
from wan_streamer.train.data.sources.manifest import read_manifest
from wan_streamer.train.data.sources.clip import read_samples
from wan_streamer.train.data.sources.cache import default_root
from wan_streamer.train.data.voices.aligner import Aligner
from wan_streamer.train.data.voices.pronunciation import arpabet, misaki_phonemes
from wan_streamer.train.data.voices.timing import time_speech
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.events import words_of
from wan_streamer.errors import InvalidInput
out=Path('ear-data/q'); out.mkdir(exist_ok=True); root=default_root()
ph=misaki_phonemes(); al=Aligner(lambda w: arpabet(ph(w)))
clips=read_manifest(root/'manifests/amazon-queen.jsonl').split('train'); n=0; bad=0
for i,c in enumerate(clips):
    f=out/f'{i:06d}.npz'
    if f.exists() or c.seconds<.7 or c.seconds>9: continue
    try: clip,how=time_speech(Sound(samples=read_samples(c,root),sample_rate_hz=c.sample_rate_hz),c.speaker,c.text,al)
    except Exception as e: bad+=1; continue
    if how=='guessed': bad+=1; continue
    a=soxr.resample(clip.samples,c.sample_rate_hz,16000).astype(np.float32); a=a/max(1e-3,np.abs(a).max())*.5
    seg=np.concatenate([np.zeros(35200,np.float32),a,np.zeros(12800,np.float32)])
    ws=[(w,int(b*.016)+35200,int(e*.016)+35200,False) for w,(b,e) in zip(words_of(c.text),clip.words)]
    u=dict(seg=0,voice=c.speaker,to='agent',intent=None,text=c.text,kind='UserTurn',words=ws)
    np.savez(f,meta=json.dumps(dict(utt=[u],real=True)),s0=(seg*32767).astype(np.int16)); n+=1
    if n%200==0: print(n,bad,flush=True)
print('done',n,bad)
