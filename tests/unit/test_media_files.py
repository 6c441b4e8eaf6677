"""Media files in and out, compared with what was written."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.files import AudioBlock, MediaFile, Mp4Writer, VideoBlock, read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.media.jpeg import check_jpeg, decode_jpeg

WIDTH, HEIGHT, RATE_HZ = 96, 64, 16000
COLOUR = (200, 60, 30)
UNIT_COUNT, FLASH_UNIT, FLASH_FRAME = 20, 12, 2
FLASH_US = FLASH_UNIT * 160_000 + FLASH_FRAME * 40_000


def tone(sample_count: int, rate_hz: int = RATE_HZ) -> NDArray[np.int16]:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(sample_count) / rate_hz)).astype(np.int16)


def write_click_and_flash(path: Path) -> None:
    """3.2 s of one colour and silence, with one white frame and a burst of sound in its 40 ms."""
    with Mp4Writer(path, WIDTH, HEIGHT, RATE_HZ) as writer:
        for unit_index in range(UNIT_COUNT):
            frames, audio = np.full((4, HEIGHT, WIDTH, 3), COLOUR, np.uint8), np.zeros(2560, np.int16)
            if unit_index == FLASH_UNIT:
                frames[FLASH_FRAME] = 255
                audio[FLASH_FRAME * 640 : (FLASH_FRAME + 1) * 640] = 3 * tone(640)
            writer.write(frames, audio)


def write_sound(path: Path, samples: NDArray[np.int16], rate_hz: int, codec: str = "pcm_s16le") -> None:
    """int16 [channels, samples] as a sound file."""
    with av.open(str(path), "w") as container:
        layout = "mono" if len(samples) == 1 else "stereo"
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux([*stream.encode(frame), *stream.encode(None)])


def write_pictures(path: Path, times_ms: list[int], size: tuple[int, int] = (64, 48), codec: str = "libvpx") -> None:
    """Frames of rising grey at given times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 20 * index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def blocks_of(media: MediaFile) -> tuple[list[AudioBlock], list[VideoBlock]]:
    """The blocks by kind; checks that they come in time order and audio has no holes within a run."""
    blocks = list(media)
    assert [b.capture_offset_us for b in blocks] == sorted(b.capture_offset_us for b in blocks)
    audio = [block for block in blocks if isinstance(block, AudioBlock)]
    return audio, [block for block in blocks if isinstance(block, VideoBlock)]


def sound_of(audio: list[AudioBlock]) -> NDArray[np.int16]:
    """All samples in their places."""
    last = audio[-1]
    sound = np.zeros(last.first_sample_index + len(last.data) // 2, np.int16)
    for block in audio:
        samples = np.frombuffer(block.data, "<i2")
        sound[block.first_sample_index : block.first_sample_index + len(samples)] = samples
    return sound


@pytest.fixture(scope="module")
def click_and_flash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "click.mp4"
    write_click_and_flash(path)
    return path


def test_an_mp4_keeps_its_times_and_colours(click_and_flash: Path) -> None:
    """What was written comes back: formats, duration, every frame at its time, colours, the length of the sound."""
    media = read_media(click_and_flash)
    audio, video = blocks_of(media)
    assert media.audio_format is not None
    assert media.video_format is not None
    assert (media.audio_format.sample_rate_hz, media.video_format.frame_rate_hz) == (RATE_HZ, 25.0)
    assert media.duration_us == UNIT_COUNT * 160_000
    assert [block.capture_offset_us for block in video] == [index * 40_000 for index in range(UNIT_COUNT * 4)]
    assert audio[0].first_sample_index == 0
    assert 0 <= len(sound_of(audio)) - UNIT_COUNT * 2560 < 1024  # AAC fills its last frame
    assert abs(decode_jpeg(video[5].data).astype(int) - COLOUR).max() <= 6


def test_click_and_flash_stay_together(click_and_flash: Path) -> None:
    """Encoder priming is undone: the burst is heard within 1 ms of where it was written, the flash in its own frame."""
    audio, video = blocks_of(read_media(click_and_flash))
    loud = np.nonzero(np.abs(sound_of(audio).astype(int)) > 6000)[0] / RATE_HZ
    flashes = [block.capture_offset_us for block in video if decode_jpeg(block.data).mean() > 200]
    assert flashes == [FLASH_US]
    assert abs(loud[0] - FLASH_US / 1e6) < 0.001
    assert abs(loud[-1] - (FLASH_US / 1e6 + 0.04)) < 0.001


def test_click_and_flash_meet_in_their_unit(click_and_flash: Path) -> None:
    """From file through the cutter, click and flash are in the unit and the slot that they were written to."""
    media = read_media(click_and_flash)
    target = UnitFormat(audio_sample_rate_hz=8000, video_width=48, video_height=32)
    cutter = UnitCutter(media.audio_format, media.video_format, target)
    units = []
    for block in media:
        if isinstance(block, AudioBlock):
            cutter.push_audio(block.first_sample_index, block.capture_offset_us, block.data)
        else:
            cutter.push_video(block.capture_offset_us, block.data)
        while cutter.is_complete():
            units.append(cutter.cut())
    cutter.end()
    while cutter.has_media():
        units.append(cutter.cut())
    assert len(units) == UNIT_COUNT
    assert not any(unit.video_lost or unit.lost_audio_sample_count for unit in units)
    bright = [(unit.unit_index, slot) for unit in units for slot in range(4) if unit.video[slot].mean() > 200]
    assert bright == [(FLASH_UNIT, FLASH_FRAME)]
    loud = [
        (unit.unit_index, slot) for unit in units for slot in range(4) if unit.audio[slot * 320 :][:320].std() > 0.2
    ]
    assert loud == [(FLASH_UNIT, FLASH_FRAME)]


def test_the_mp4_is_ready_for_browsers(click_and_flash: Path) -> None:
    """The index comes before the media, both streams start at 0, and seeking lands on the right picture."""
    data = click_and_flash.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(click_and_flash)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert container.streams.audio[0].codec_context.name == "aac"
        assert [stream.start_time for stream in container.streams] == [0, 0]
        container.seek(FLASH_US, backward=True)
        pictures = (frame for frame in container.decode(video) if frame.time is not None)
        found = next(frame for frame in pictures if round(frame.time * 1e6) == FLASH_US)
        assert found.to_ndarray(format="gray").mean() > 200


def test_an_aborted_mp4_leaves_nothing(tmp_path: Path) -> None:
    """An error while writing removes the part that was written and keeps the file that was there before."""
    path = tmp_path / "reply.mp4"
    path.write_bytes(b"before")
    writer = Mp4Writer(path, WIDTH, HEIGHT, RATE_HZ)

    def write_and_fail() -> None:
        with writer:
            writer.write(np.zeros((4, HEIGHT, WIDTH, 3), np.uint8), tone(2560))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert os.listdir(tmp_path) == ["reply.mp4"]
    assert path.read_bytes() == b"before"


def test_an_mp4_without_units_does_not_fail(tmp_path: Path) -> None:
    """A conversation that ended before its first unit leaves a file without frames, no error and no parts."""
    with Mp4Writer(tmp_path / "empty.mp4", WIDTH, HEIGHT, RATE_HZ):
        pass
    assert os.listdir(tmp_path) == ["empty.mp4"]


@pytest.mark.parametrize(
    ("width", "height", "rate_hz", "reason"),
    [
        (95, 64, 16000, "VIDEO_SIZE"),
        (96, 63, 16000, "VIDEO_SIZE"),
        (0, 64, 16000, "VIDEO_SIZE"),
        (96, 64, 16001, "AUDIO_FORMAT"),
    ],
)
def test_formats_that_an_mp4_cannot_hold_are_refused(
    tmp_path: Path, width: int, height: int, rate_hz: int, reason: str
) -> None:
    """Odd sizes and rates without AAC are refused before a file is opened."""
    with pytest.raises(InvalidInput, match="expected") as refusal:
        Mp4Writer(tmp_path / "x.mp4", width, height, rate_hz)
    assert refusal.value.reason == reason


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Writing into a missing directory is InvalidInput FILE_UNWRITABLE with the path."""
    with (
        pytest.raises(InvalidInput, match=r"none.x\.mp4") as refusal,
        Mp4Writer(tmp_path / "none" / "x.mp4", 16, 16, 8000),
    ):
        pass
    assert refusal.value.reason == "FILE_UNWRITABLE"


def test_units_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Wrong shapes and types are a ValueError and leave no file."""
    frames, audio = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8), np.zeros(2560, np.int16)
    wrong = [(frames[:, :10], audio), (frames.astype(np.float32), audio), (frames, audio[None]), (frames, audio / 2)]
    for bad_frames, bad_audio in wrong:
        writer = Mp4Writer(tmp_path / "x.mp4", WIDTH, HEIGHT, RATE_HZ)
        with pytest.raises(ValueError, match="expected"), writer:
            writer.write(bad_frames, bad_audio)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("rate_hz", "read_as_hz"), [(8000, 8000), (44100, 44100), (96000, 48000)])
def test_a_wav_file_is_sound_only(tmp_path: Path, rate_hz: int, read_as_hz: int) -> None:
    """Stereo becomes mono in 20 ms blocks, exact at the file's own rate; a rate over the limit is resampled."""
    path = tmp_path / "tone.wav"
    write_sound(path, np.stack([tone(rate_hz, rate_hz)] * 2), rate_hz)
    media = read_media(path)
    audio, video = blocks_of(media)
    assert (media.video_format, video) == (None, [])
    assert media.audio_format is not None
    assert (media.audio_format.sample_rate_hz, media.audio_format.channel_count) == (read_as_hz, 1)
    assert {len(block.data) for block in audio[:-1]} == {2 * (read_as_hz // 50)}
    sound, truth = sound_of(audio).astype(int), tone(read_as_hz, read_as_hz).astype(int)
    assert abs(len(sound) - read_as_hz) <= 1
    middle = slice(1000, len(truth) - 1000)
    assert abs(sound[middle] - truth[middle]).max() <= (1 if rate_hz == read_as_hz else 40)


def test_irregular_frame_times_are_kept(tmp_path: Path) -> None:
    """A WebM with a variable frame rate gives each frame at its own time, counted from the first."""
    path = tmp_path / "irregular.webm"
    times_ms = [0, 33, 100, 101, 500, 540]
    write_pictures(path, times_ms)
    media = read_media(path)
    audio, video = blocks_of(media)
    assert (media.audio_format, audio) == (None, [])
    assert [block.capture_offset_us for block in video] == [time * 1000 for time in times_ms]
    greys = [decode_jpeg(block.data).mean() for block in video]
    assert np.allclose(greys, [20 * index for index in range(6)], atol=8)


def test_a_file_can_be_read_twice(click_and_flash: Path) -> None:
    """Each iteration starts anew and gives the same; one that is left early does no harm."""
    media = read_media(click_and_flash)
    first = next(iter(media))
    assert list(media) == list(media)
    assert next(iter(media)) == first


def test_sound_that_starts_late_keeps_its_place(tmp_path: Path) -> None:
    """Sound that begins 0.5 s after the picture, and pauses for 0.3 s, has sample indices that say so."""
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mjpeg", rate=25)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(40):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 99, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(picture.encode(frame))
        for start in (4000, 4800, 8000):
            burst = av.AudioFrame.from_ndarray(np.full((1, 800), 5000, np.int16), format="s16", layout="mono")
            burst.sample_rate, burst.pts, burst.time_base = 8000, start, Fraction(1, 8000)
            container.mux(sound.encode(burst))
    audio, video = blocks_of(read_media(path))
    assert (video[0].capture_offset_us, len(video)) == (0, 40)
    heard = np.zeros(8800, bool)
    for block in audio:
        heard[block.first_sample_index : block.first_sample_index + len(block.data) // 2] = True
    truth = np.zeros(8800, bool)
    truth[4000:5600] = truth[8000:8800] = True
    np.testing.assert_array_equal(heard, truth)


def test_a_picture_over_the_limit_is_scaled_down(tmp_path: Path) -> None:
    """A frame larger than a client may send is scaled into the limits, keeping its aspect."""
    path = tmp_path / "large.mkv"
    write_pictures(path, [0], size=(2560, 1080), codec="libx264")
    _, video = blocks_of(read_media(path))
    assert check_jpeg(video[0].data) == (1920, 810)


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    """The cover picture of a sound file is not taken for a video."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(tone(4096)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(sound.encode(frame))
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        picture.pts, picture.time_base = 0, Fraction(1, 1)
        container.mux([*cover.encode(picture), *cover.encode(None), *sound.encode(None)])
    assert read_media(path).video_format is None


def test_files_that_are_no_media_are_named(tmp_path: Path, click_and_flash: Path) -> None:
    """Missing files, directories, text, noise, empty and headless files are InvalidInput with a reason and the path."""
    noise = np.random.default_rng(0).integers(0, 256, 100_000, np.uint8).tobytes()
    contents = {
        "text.mp4": b"not a film",
        "noise.mp4": noise,
        "empty.wav": b"",
        "cut.mp4": click_and_flash.read_bytes()[:200],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=name) as refusal:
            read_media(tmp_path / name)
        assert refusal.value.reason in ("FILE_UNREADABLE", "FILE_NO_MEDIA")
    for missing in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(InvalidInput, match="expected a media file") as refusal:
            read_media(missing)
        assert refusal.value.reason == "FILE_NOT_FOUND"


@pytest.mark.parametrize("rate_hz", [1, 2**31 - 1])
def test_a_sample_rate_that_cannot_be_is_refused(tmp_path: Path, rate_hz: int) -> None:
    """A damaged header that would have a second resampled for hours is FILE_UNREADABLE at once."""
    path = tmp_path / "odd.wav"
    write_sound(path, tone(8000, 8000)[None], 8000)
    data = bytearray(path.read_bytes())
    data[24:28] = rate_hz.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(InvalidInput) as refusal:
        read_media(path)
    assert refusal.value.reason == "FILE_UNREADABLE"


def test_a_file_without_sound_and_picture_is_refused(tmp_path: Path) -> None:
    """A file of subtitles only is FILE_NO_MEDIA."""
    path = tmp_path / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    with pytest.raises(InvalidInput) as refusal:
        read_media(path)
    assert refusal.value.reason == "FILE_NO_MEDIA"


def test_a_damaged_file_ends_in_invalid_input_or_in_order(tmp_path: Path, click_and_flash: Path) -> None:
    """With bytes of the media overwritten or missing, reading ends or is InvalidInput; nothing else."""
    data = click_and_flash.read_bytes()
    generator = np.random.default_rng(5)
    for attempt in range(12):
        damaged = bytearray(data)
        for _ in range(30):
            damaged[int(generator.integers(data.index(b"mdat") if attempt % 2 else 0, len(data)))] ^= 0xFF
        path = tmp_path / f"damaged{attempt}.mp4"
        path.write_bytes(damaged[: len(data) // 2] if attempt % 3 == 0 else damaged)
        with contextlib.suppress(InvalidInput):
            list(read_media(path))
