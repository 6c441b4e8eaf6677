"""`wan-streamer codec`: unit by unit equals the whole, and nothing is written without weights or media."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.support.tiny import tiny_config
from tests.support.train_recipes import RATE_HZ, tone, write_film, write_wav
from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.codec_weights import Codec, CodecConfig, TrainedCodec, load_codec, pack
from wan_streamer.model.video_codec import VideoCodec
from wan_streamer.train.codec_file import CodecStream, main
from wan_streamer.train.media_units import file_units

CONFIG = tiny_config()


def trained(codec: Codec, config: CodecConfig) -> TrainedCodec:
    channels = config.latent_channels
    return TrainedCodec(codec.eval().requires_grad_(False), config, torch.zeros(channels), torch.ones(channels), {})


@pytest.fixture
def weights(tmp_path: Path) -> list[str]:
    """Options that name weights of both codecs."""
    torch.manual_seed(0)
    (tmp_path / "audio.st").write_bytes(
        pack(trained(AudioCodec(CONFIG.agent_audio), CONFIG.agent_audio), torch.float32)
    )
    (tmp_path / "video.st").write_bytes(
        pack(trained(VideoCodec(CONFIG.agent_video), CONFIG.agent_video), torch.float32)
    )
    return ["--audio-weights", str(tmp_path / "audio.st"), "--video-weights", str(tmp_path / "video.st")]


def test_unit_by_unit_equals_the_whole() -> None:
    """A stream through both codecs gives what one call over all units gives."""
    torch.manual_seed(0)
    audio = trained(AudioCodec(CONFIG.agent_audio), CONFIG.agent_audio)
    # In float64: a phase is a sum over time, so in float32 a rounding of the pitch is heard of for ever after (1e-5).
    audio.codec.double()
    samples = torch.rand(1, 4 * 1280, dtype=torch.float64) - 0.5
    stream = CodecStream(audio)
    pieces = torch.cat([stream.pass_unit(unit) for unit in samples.split(1280, dim=1)], dim=1)
    assert torch.allclose(pieces, audio.codec.decode(audio.codec.encode(samples)[0]), rtol=0, atol=1e-10)
    video = trained(VideoCodec(CONFIG.agent_video), CONFIG.agent_video)
    frames = torch.rand(1, 4, 4, 3, 32, 32)
    stream = CodecStream(video)
    pieces = torch.cat([stream.pass_unit(unit) for unit in frames.split(1, dim=1)], dim=1)
    assert torch.allclose(pieces, video.codec.decode(video.codec.encode(frames)[0]), atol=1e-6)


def test_a_film_goes_through(tmp_path: Path, weights: list[str]) -> None:
    """The command writes a film of the codec's size with sound and every frame; the last unit is filled up."""
    source, target = write_film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    assert main([str(source), str(target), *weights]) == 0
    with av.open(str(target)) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (32, 32)
        assert film.streams.audio[0].rate == RATE_HZ
        # AAC sound ends a little later than the pictures.
        assert sum(1 for _ in film.decode(video=0)) in (20, 24)


def test_only_one_codec(tmp_path: Path, weights: list[str]) -> None:
    """With --only audio the pictures pass untouched and need no weights."""
    source, target = write_film(tmp_path / "in.mp4", size=(224, 128)), tmp_path / "out.mp4"
    assert main([str(source), str(target), *weights[:2], "--only", "audio"]) == 0
    with av.open(str(target)) as film, av.open(str(source)) as original:
        pictures = [next(file.decode(video=0)).to_ndarray(format="rgb24").astype(float) for file in (film, original)]
    assert np.abs(pictures[0] - pictures[1]).mean() < 4


@pytest.mark.parametrize("missing", ["--audio-weights", "--video-weights"])
def test_without_weights_it_refuses(
    tmp_path: Path, weights: list[str], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing weights give one line that says how to train them, and no file."""
    source, target = write_film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    weights[weights.index(missing) + 1] = str(tmp_path / "none.safetensors")
    assert main([str(source), str(target), *weights]) == 2
    assert "wan-streamer train" in capsys.readouterr().err
    assert not target.exists()


def test_what_is_not_there_is_not_coded(tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A sound file is coded as sound; asked for its pictures, the command refuses in words."""
    write_wav(tmp_path / "in.wav", tone(0.5, 300))
    arguments = [str(tmp_path / "in.wav"), str(tmp_path / "out.mp4"), *weights]
    assert main([*arguments, "--only", "video"]) == 2
    assert "without video, expected some; try another file" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()
    assert main(arguments) == 0


def test_weights_are_read_as_written_and_damage_is_said(tmp_path: Path, weights: list[str]) -> None:
    """Weights come back bit for bit; cut off, of another kind, or of another shape they are refused in words."""
    path = Path(weights[1])
    torch.manual_seed(0)
    expected = AudioCodec(CONFIG.agent_audio).state_dict()
    read = load_codec(path, "audio")
    assert read.config == CONFIG.agent_audio
    assert all(torch.equal(tensor, expected[name]) for name, tensor in read.codec.state_dict().items())
    with pytest.raises(InvalidInput, match=r"got weights of kind 'audio' in .*, expected 'video'"):
        load_codec(path, "video")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidInput, match="copy it again or train them again"):
        load_codec(path, "audio")
    save_file({"x": torch.zeros(1)}, str(path), {"kind": "audio", "config": "{}"})
    with pytest.raises(InvalidInput, match="do not fit their configuration"):
        load_codec(path, "audio")


@pytest.mark.long
def test_the_command_line_passes_everything_on(tmp_path: Path, weights: list[str]) -> None:
    """`wan-streamer codec` and `wan-streamer train` start the modules, with their output and exit code."""
    source, target = write_film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    command = [sys.executable, "-m", "wan_streamer.client.cli"]
    done = subprocess.run(
        [*command, "codec", str(source), str(target), *weights], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert f"wrote {target}" in done.stdout
    done = subprocess.run(
        [*command, "train", "no-such-recipe", "--data", str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2
    assert done.stderr.startswith("wan-streamer: got recipe 'no-such-recipe', expected one of audio-codec-nano")


def test_a_picture_shows_before_and_after(tmp_path: Path, weights: list[str]) -> None:
    """Its upper half is the film's own frames, side by side, its lower half what the codec made of them."""
    source, target, picture = tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "out.png"
    write_film(source)
    assert main([str(source), str(target), *weights, "--picture", str(picture)]) == 0
    shown = np.asarray(Image.open(picture))
    video = CONFIG.agent_video
    assert shown.shape[0] == 2 * video.height
    assert shown.shape[1] % video.width == 0
    target_format = UnitFormat(
        audio_sample_rate_hz=CONFIG.agent_audio.sample_rate_hz, video_width=video.width, video_height=video.height
    )
    own = [unit.video[0] for unit in file_units(read_media(source), target_format)]
    columns = np.split(shown, shown.shape[1] // video.width, axis=1)
    assert all(any(np.array_equal(column[: video.height], frame) for frame in own) for column in columns)
    assert not any(np.array_equal(column[video.height :], frame) for column in columns for frame in own)
