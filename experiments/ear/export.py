import sys;  ck,out=sys.argv[1:3]; sys.argv=['x']
from train import *
import safetensors.torch
from wan_streamer.model.row_integers import rounded, restored
c=torch.load(ck); net=Net(); net.load_state_dict(c['ema'])
ear=WhisperEar(); ear.encoder.load_state_dict(net.encoder.state_dict())
meta=dict(kind='whisper-ear',recipe_name='experiments/ear/train.py',steps=str(c['step']),date='2026-11-23',hardware='AMD EPYC, 2 cores',authors='Whisper tiny.en: Alec Radford et al., OpenAI (arXiv 2212.04356), MIT; trained on')
Path(out).write_bytes(safetensors.torch.save(rounded(ear.state_dict()),meta))
torch.save(net.head.state_dict(),out+'.head.pt')
from wan_streamer.model.whisper_ear import load_whisper_ear
e=load_whisper_ear(Path(out)); print(Path(out).stat().st_size)
