"""The training forward against serving: the same function, whatever is clean, noisy or left out."""

import pytest
import torch
from torch import Tensor

from tests.support.tiny import random_unit, tiny_config
from tests.unit.test_engine_parity import SEED, random_model
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.model.config import HistoryConfig
from wan_streamer.model.flow import unit_noise
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.sequence import Batch, TrainingForward
from wan_streamer.train.words import NOTHING

UNITS = 9
# Windows that end inside of the conversation, and one that does not.
HISTORY = HistoryConfig(
    sink_units=1, user_video_units=2, user_audio_units=4, agent_text_units=8, agent_audio_units=3, agent_video_units=2
)


def served(model: WanStreamer) -> Batch:
    """A conversation step by step: what was said and shown, with the noise it came from as noisy copies at 1."""
    thinker, performer = Thinker(model), Performer(model)
    hearing, solving = thinker.open(), performer.open(SEED)
    like, config = model.layer_modulation, model.config
    words = torch.full((1, UNITS, config.max_text_tokens), NOTHING)
    frames, samples, audio, video = [], [], [], []
    for k in range(UNITS):
        user = random_unit(config, k)
        performer.append(solving, thinker.hear_and_think(hearing, user))
        words[0, k, : len(hearing.words[k])] = torch.tensor(hearing.words[k])
        solved = performer.solve(solving, k)
        performer.commit(solving, solved)
        thinker.commit(hearing, solved)
        frames.append(torch.tensor(user.video).permute(0, 3, 1, 2).to(like) / 127.5 - 1)
        samples.append(torch.tensor(user.audio).to(like))
        audio.append(solved.audio)
        video.append(solved.video)
    latents = torch.stack(audio)[None], torch.stack(video)[None]
    noise = [
        torch.stack([unit_noise(tuple(part.shape[2:]), SEED, k, stream) for k in range(UNITS)])[None].to(like)
        for stream, part in enumerate(latents)
    ]
    seen, heard = model.see(torch.stack(frames)[None]), model.hear(torch.cat(samples)[None])
    return Batch(
        seen=seen, heard=heard, words=words, audio=latents[0], video=latents[1], noisy_units=torch.arange(UNITS),
        tau=torch.ones(1, UNITS, dtype=like.dtype), audio_noise=noise[0], video_noise=noise[1],
    )  # fmt: skip


def at(batch: Batch, tau: float, noise: list[Tensor]) -> Batch:
    return Batch(
        **{**vars(batch), "tau": torch.full_like(batch.tau, tau), "audio_noise": noise[0], "video_noise": noise[1]}
    )


@pytest.mark.parametrize("lag", [0, 1])
def test_the_training_forward_is_serving(lag: int) -> None:
    """Two solver steps of training's velocities end in the served latents, its text logits in the served words."""
    model = random_model(tiny_config(lag=lag, history=HISTORY), torch.float64)
    forward, batch = TrainingForward(model), served(model)
    assert batch.audio is not None
    assert batch.video is not None
    with torch.inference_mode():
        first = forward(batch)
        noise = [batch.audio_noise, batch.video_noise]
        half = [n - 0.5 * v for n, v in zip(noise, (first.audio_velocity, first.video_velocity), strict=True)]
        # Noise from which a copy at 0.5 is just the half-way point.
        clean = (batch.audio, batch.video)
        second = forward(at(batch, 0.5, [2 * h - c for h, c in zip(half, clean, strict=True)]))
    for h, velocity, served_latents in zip(half, (second.audio_velocity, second.video_velocity), clean, strict=True):
        torch.testing.assert_close(h - 0.5 * velocity, served_latents, rtol=0, atol=1e-10)
    assert first.text_logits is not None
    written = batch.words >= 0
    assert torch.equal(first.text_logits.argmax(-1)[written], batch.words[written])
    torch.testing.assert_close(first.text_logits[written], second.text_logits[written], rtol=0, atol=1e-10)


def test_copies_change_nothing_else() -> None:
    """A window with noisy copies of some units, of other noise, gives the words of one without any."""
    model = random_model(tiny_config(history=HISTORY), torch.float64)
    forward, batch = TrainingForward(model), served(model)
    some = torch.tensor([1, 5])
    chosen = {"noisy_units": some, "tau": torch.tensor([[0.3, 0.8]], dtype=torch.float64)}
    noise = {name: torch.randn_like(vars(batch)[name][:, some]) for name in ("audio_noise", "video_noise")}
    with torch.inference_mode():
        logits = [forward(Batch(**{**vars(batch), **chosen, **noise})).text_logits, forward(batch).text_logits]
    written = batch.words >= 0
    torch.testing.assert_close(logits[0][written], logits[1][written], rtol=0, atol=1e-12)


def test_absent_words_are_nowhere() -> None:
    """What stands at the place of a word that was not written changes nothing; windows of a batch do not mix."""
    model = random_model(tiny_config(history=HISTORY), torch.float64)
    forward, batch = TrainingForward(model), served(model)
    listen = vocabulary_named("bytes").listen
    shorter = batch.words.clone()
    shorter[:, :, 1:] = NOTHING
    shorter[:, :, 0] = listen
    both = Batch(**{
        name: torch.cat([value, value]) if isinstance(value, Tensor) and name != "noisy_units" else value
        for name, value in vars(batch).items()
    })  # fmt: skip
    both = Batch(**{**vars(both), "words": torch.cat([batch.words, shorter])})
    alone = Batch(**{**vars(batch), "words": shorter})
    with torch.inference_mode():
        together, one, other = forward(both), forward(batch), forward(alone)
    torch.testing.assert_close(together.audio_velocity[:1], one.audio_velocity, rtol=0, atol=1e-12)
    torch.testing.assert_close(together.audio_velocity[1:], other.audio_velocity, rtol=0, atol=1e-12)
    assert float((one.audio_velocity - other.audio_velocity).abs().max()) > 1e-3


def test_a_window_longer_than_the_mask_is_refused() -> None:
    """The sink would have to be turned, which only the cache does."""
    model = random_model(tiny_config(history=HISTORY), torch.float64)
    batch = served(model)
    longer = Batch(**{**vars(batch), "words": batch.words.repeat(1, 2, 1)})
    with pytest.raises(ValueError, match="18 units"):
        TrainingForward(model)(longer)


def test_what_is_forgotten_changes_nothing_later() -> None:
    """With `forgets` another word in unit 2 leaves the logits of later units alone, without it it does not."""
    model = random_model(tiny_config(history=HISTORY), torch.float64)
    forward, batch = TrainingForward(model), served(model)
    other = batch.words.clone()
    other[0, 2, 0] = (other[0, 2, 0] + 1) % 200
    for forgets in (True, False):
        with torch.inference_mode():
            one, changed = (
                forward(Batch(**{**vars(batch), "words": words, "forgets": forgets, "audio": None, "video": None}))
                for words in (batch.words, other)
            )
        assert one.text_logits is not None
        assert changed.text_logits is not None
        assert torch.equal(one.text_logits[0, 3:], changed.text_logits[0, 3:]) == forgets
