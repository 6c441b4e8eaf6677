"""What a preset is said to cost, against what the engine really computes, allocates and sends."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.budget import budget_of, meta_model, parameters_of
from wan_streamer.engine.gpu import find_gpu, gpu_named
from wan_streamer.engine.schedule import Duplex
from wan_streamer.engine.unit_passes import Pass, block_products
from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import HistoryConfig, ModelConfig
from wan_streamer.model.layout import Kind
from wan_streamer.model.presets import PRESETS, nano, preset, untrained, v0_1, v0_1_1b7
from wan_streamer.rpc.tensors import to_proto

CONFIGS = {"nano": nano(), "tiny, with encoders of its own and lag": tiny_config(lag=1, solver_steps=3)}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_operations_are_those_of_a_real_unit(config: ModelConfig) -> None:
    """Every stage of a unit does exactly the operations that PyTorch counts while the engine runs it."""
    counted: dict[str, int] = {}

    @contextlib.contextmanager
    def stage(name: str) -> Iterator[None]:
        # The fused kernel of processors is one that PyTorch does not count.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            yield
        counted[name] = counter.get_total_flops()

    duplex = Duplex(untrained(config, 0))
    session = duplex.open(0)
    for unit_index in range(2):
        duplex.step(session, random_unit(config, unit_index), stage)
    assert counted.pop("append") == 0
    passes = {each.name: each for each in budget_of(config).passes}
    words, rest = divmod(counted.pop("text"), passes["text"].flop)
    assert rest == 0
    assert 1 <= words <= passes.pop("text").count == config.max_text_tokens
    assert counted == {name: each.count * each.flop for name, each in passes.items()}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_memory_is_what_a_real_session_allocates(config: ModelConfig) -> None:
    """Cache, slots and session are as large as those that the engine opens with weights on the CPU."""
    duplex = Duplex(untrained(config, 0))
    session, budget = duplex.open(0), budget_of(config)
    cache = session.performer.cache
    states = sum(state.past.nbytes for _, state in session.thinker.stream.states)
    # Unit, kind and index of each slot in 8 bytes; the sink's keys as they were before they were turned.
    history = cache.byte_count + cache._sink_keys.nbytes + 3 * 8 * cache.slot_count
    counts, head_size = duplex.thinker.model.layout.counts, config.backbone.head_size

    def place(tokens: int, queries: int) -> int:
        # Sine and cosine, and a slot, of each token; kind and index of each query, and what it sees.
        return tokens * (4 * head_size + 8) + queries * (2 * 8 + 4 * cache.slot_count)

    audio, video = counts[Kind.AGENT_AUDIO], counts[Kind.AGENT_VIDEO]
    # Noise and clean latents.
    latents = 2 * 4 * (audio * config.agent_audio.latent_channels + video * config.agent_video.latent_channels)
    text, user = counts[Kind.AGENT_TEXT], counts[Kind.USER_VIDEO] + counts[Kind.USER_AUDIO]
    heard = place(user + text, 1 + text) + 4 * config.backbone.width * (user + 1) + 8 * text
    assert budget.slots == cache.slot_count
    assert budget.kv_cache_bytes == cache.byte_count == cache.keys_values.nbytes
    assert budget.session_bytes["performer"] == history + place(audio + video, 1) + latents
    assert budget.session_bytes["thinker"] == budget.session_bytes["performer"] + heard + states


def test_a_session_does_not_grow() -> None:
    """After more units than the windows hold, a session's tensors take the bytes it was said to take at its start."""
    config = tiny_config()
    duplex = Duplex(untrained(config, 0))
    session = duplex.open(0)
    for unit_index in range(12):
        duplex.step(session, random_unit(config, unit_index))
    seat = session.performer.seat
    held = sum(part.nbytes for part in (*seat.cache.tensors, *seat.unit.tensors))
    assert held == budget_of(config).session_bytes["performer"]


def test_slice_is_what_nanos_thinker_sends() -> None:
    """The payload of the message for a unit with as many words as fit has the bytes that were said."""
    duplex = Duplex(untrained(nano(), 0))
    kv_slice = duplex.thinker.hear_and_think(duplex.thinker.open(), random_unit(nano(), 0))
    budget = budget_of(nano())
    payload = len(to_proto(kv_slice.keys_values.numpy()).data)
    missing = nano().max_text_tokens - kv_slice.text_token_count
    assert payload == budget.slice_bytes - missing * budget.kv_token_bytes


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_those_of_the_model(name: str) -> None:
    """The parts add up to all parameters of the model on the meta device, and the backbone is the blocks and norms."""
    model = meta_model(preset(name))
    parameters = parameters_of(model)
    assert parameters.together == sum(parameter.numel() for parameter in model.parameters())
    backbone = preset(name).backbone
    norms = backbone.layer_count * (2 * backbone.width + 2 * backbone.head_size) + backbone.width
    assert sum(weight.numel() for weight in model.transformer.parameters()) == block_products(backbone) + norms


def test_backbones_are_as_large_as_published() -> None:
    """Without embeddings Qwen3-0.6B has 0.44 billion parameters and Qwen3-1.7B 1.4, as their model cards say."""
    assert block_products(v0_1().backbone) / 1e9 == pytest.approx(0.44, abs=0.005)
    assert block_products(v0_1_1b7().backbone) / 1e9 == pytest.approx(1.4, abs=0.05)


def test_longer_windows_cost_memory_and_attention_alone() -> None:
    """One more unit in each window adds a unit's tokens to the cache; weights, slices and what a unit adds stay."""
    config = tiny_config()
    windows = vars(config.history)
    longer = HistoryConfig(**{name: units + (name != "sink_units") for name, units in windows.items()})
    short, long = budget_of(config), budget_of(replace(config, history=longer))
    assert long.slots - short.slots == short.token_count
    for stays in ("parameters", "slice_bytes", "kv_unit_bytes"):
        assert getattr(long, stays) == getattr(short, stays)
    pairs = {each.name: (each, other) for each, other in zip(short.passes, long.passes, strict=True)}
    assert {name for name, (each, other) in pairs.items() if each.flop == other.flop} == {"encode", "decode"}


def test_the_floor_is_the_slower_of_computing_and_reading() -> None:
    """10 TFLOP take 10.1 ms of an H100, 33.5 GB 10 ms; a pass takes the longer, and passes follow each other."""
    computing = Pass(name="solve", process="performer", count=2, flop=10**13, read_bytes=1)
    reading = Pass(name="clean", process="performer", flop=1, read_bytes=33_500_000_000, answers=False)
    h100 = gpu_named("h100")
    assert computing.floor_ms(h100) == pytest.approx(2 * 10 / 0.989)
    assert reading.floor_ms(h100) == pytest.approx(10)
    budget = replace(budget_of(tiny_config()), passes=(computing, reading))
    assert budget.floor_ms("performer", h100) == pytest.approx(20 / 0.989 + 10)
    assert budget.answer_floor_ms(h100) == pytest.approx(20 / 0.989)
    assert budget.floor_ms("thinker", h100) == 0


def test_gpus_are_found_by_the_drivers_name() -> None:
    """As the driver says it or in short; one that is not known, or whose name only begins alike, is not guessed."""
    names = {"NVIDIA H100 80GB HBM3": "H100", "nvidia h100 pcie": "H100 PCIe", "NVIDIA L40S": "L40S", "l4": "L4"}
    for said, name in names.items():
        gpu = find_gpu(said)
        assert gpu is not None
        assert gpu.name == name
    assert find_gpu("NVIDIA L40") is None
    with pytest.raises(InvalidInput, match="got GPU 'voodoo', expected one of B200, H200, H100") as caught:
        gpu_named("voodoo")
    assert caught.value.reason == "GPU_UNKNOWN"


def test_faster_gpus_have_lower_floors() -> None:
    """Between two GPUs of which one computes and reads faster, no preset's floor says otherwise."""
    budget = budget_of(v0_1())
    floors = [budget.answer_floor_ms(gpu_named(name)) for name in ("H200", "H100", "A100", "L4")]
    assert all(a < b for a, b in itertools.pairwise(floors))
