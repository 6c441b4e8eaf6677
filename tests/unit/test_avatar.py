"""`wan-streamer avatar`: the folder, the commands that it becomes, and the file that they begin with."""

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import tyro
from rich.console import Console

pytest.importorskip("yaml")

from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import codec_tensors, load_trained
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.shipped import shipped_codec, use_shipped_senses, use_shipped_transformer
from wan_streamer.train import __main__ as train_program
from wan_streamer.train.avatar.join_command import JoinOptions, join
from wan_streamer.train.avatar.new_command import TEMPLATE, NewOptions, new
from wan_streamer.train.avatar.plan import FILE_NAME, Plan, read_plan
from wan_streamer.train.avatar.recipes import audio_codec, conversing, reading, speaking, video_codec
from wan_streamer.train.avatar.steps import Places, Step, steps
from wan_streamer.train.avatar.texts_command import agent_texts
from wan_streamer.train.avatar.train_command import Progress, TrainOptions, processes_of, run_step, train
from wan_streamer.train.data.events import AgentTurn
from wan_streamer.train.data.generate.domain_files import read_domain
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.recordings import words_key
from wan_streamer.train.distributed import Group
from wan_streamer.train.recipes import recipe_named

QUIET = Console(quiet=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new(NewOptions(folder=tmp_path / "library"), QUIET)
    return tmp_path / "library"


def planned(folder: Path) -> list[Step]:
    agent, plan = read_domain(folder).agent, read_plan(folder / FILE_NAME)
    computing = ("--bfloat16", "--compile")
    return list(steps(Places(folder=folder), agent, plan, processes=2, evaluates=True, computing=computing))


def record(folder: Path) -> list[str]:
    """Makes the agent one of recordings, empty films of all that it says; returns these sentences."""
    (folder / "agent.yaml").write_text("clips: clips\n")
    clips = folder / "clips"
    clips.mkdir()
    texts = agent_texts(folder, read_plan(folder / FILE_NAME))
    for number, text in enumerate(texts):
        (clips / f"{number}.txt").write_text(text)
        (clips / f"{number}.mov").touch()
    (clips / "idle.mp4").touch()
    return texts


def test_a_new_folder_can_be_trained_as_it_is(folder: Path) -> None:
    """Ten intents and more, an agent that is not the museum's, numbers."""
    domain = PhraseBook(read_domain(folder)).domain
    assert len(domain.intents) >= 10
    assert domain.agent.voice != PhraseBook(read_domain(TEMPLATE.parents[1] / "data/domains/museum")).domain.agent.voice
    assert isinstance(read_plan(folder / FILE_NAME), Plan)


def test_nothing_is_written_over(folder: Path) -> None:
    (folder / "agent.yaml").write_text("mine")
    with pytest.raises(InvalidInput, match="there already"):
        new(NewOptions(folder=folder), QUIET)
    assert (folder / "agent.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [("heard: ", "herd: ", "unknown key 'herd'"), ("held_out: 30", "held_out: 0", "expected 1 or more")],
)
def test_wrong_numbers_are_named(folder: Path, old: str, new: str, complaint: str) -> None:
    path = folder / FILE_NAME
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InvalidInput, match=complaint) as refused:
        read_plan(path)
    assert f"{path}:" in str(refused.value)


@pytest.mark.parametrize("is_recorded", [False, True])
def test_every_step_is_a_command_line_that_its_module_takes(folder: Path, is_recorded: bool) -> None:
    """What the module's own parser makes of it: no option is unknown, recipes are there, and so is what they need."""
    if is_recorded:
        texts = record(folder)
        voice = next(step for step in planned(folder) if step.title == "the codec learns the voice")
        assert sum(argument.endswith(".mov") for argument in voice.arguments) == len(texts)
    titles = []
    for step in planned(folder):
        module = importlib.import_module(step.module)
        options: Any = (
            train_program.Arguments
            if step.trains
            else next(
                value
                for name, value in vars(module).items()
                if name.endswith("Options") and value.__module__ == step.module
            )
            if step.module != "wan_streamer.eval.conversations"
            else importlib.import_module("wan_streamer.eval.conversations.options").ConverseOptions
        )
        given = tyro.cli(options, args=step.arguments, config=(tyro.conf.FlagCreatePairsOff,))
        if step.trains:
            assert recipe_named(given.recipe, steps=given.steps).steps == given.steps
        titles.append(step.title)
    assert len(set(titles)) == len(titles)


def test_what_is_wrong_is_said_before_anything_is_made(folder: Path, heads_folder: Path) -> None:
    """A domain without an intent, a face that the heads do not have: no work folder appears."""
    assert heads_folder.exists()
    agent = folder / "agent.yaml"
    text = agent.read_text()
    agent.write_text(text.replace("people: {", "people: {woman-martian-old: 0.0, "))
    with pytest.raises(InvalidInput, match="woman-martian-old"):
        train(TrainOptions(folder=folder), QUIET)
    agent.write_text(text)
    shutil.rmtree(folder / "intents")
    with pytest.raises(InvalidInput, match="intents"):
        train(TrainOptions(folder=folder), QUIET)
    assert not (folder / "work").exists()


def test_what_was_not_recorded_is_said_first(folder: Path, heads_folder: Path) -> None:
    """An agent of recordings: each sentence that its scripts make it say is there, in films that can be read."""
    assert heads_folder.exists()
    texts = record(folder)
    assert len(texts) > 20
    (folder / "clips" / "7.txt").rename(folder / "7.txt")
    with pytest.raises(InvalidInput, match=f"without 1 of {len(texts)} sentences") as refused:
        train(TrainOptions(folder=folder), QUIET)
    assert texts[7] in str(refused.value)
    (folder / "7.txt").rename(folder / "clips" / "7.txt")
    with pytest.raises(InvalidInput, match=r"0\.mov"):
        train(TrainOptions(folder=folder), QUIET)
    assert not (folder / "work").exists()


def test_what_is_recorded_is_what_is_drawn(folder: Path) -> None:
    """The scripts of each data step, drawn by its own options, say nothing else."""
    known = {words_key(text) for text in agent_texts(folder, read_plan(folder / FILE_NAME))}
    drawing = [step for step in planned(folder) if "--wordings" in step.arguments]
    assert len(drawing) == 4
    said = set()
    for step in drawing:
        module = importlib.import_module(step.module)
        options: Any = next(
            value for name, value in vars(module).items() if name.endswith("Options") and name != "DrawOptions"
        )
        given = tyro.cli(options, args=step.arguments, config=(tyro.conf.FlagCreatePairsOff,))
        for script in given.generator().scripts(given.seed, given.count):
            said |= {words_key(event.text) for event in script.events if isinstance(event, AgentTurn)}
    assert said == known


@pytest.mark.parametrize("most", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("recipe", [audio_codec, video_codec, reading, speaking, conversing])
def test_batches_can_be_shared_by_the_processes(recipe: Callable[[], Any], most: int) -> None:
    made = recipe()
    count = processes_of(made, most)
    assert 1 <= count <= most
    assert count >= min(2, most)
    for task in getattr(made, "tasks", (made,)):
        Group(rank=0, size=count, local_rank=0).share(task.batch_size)


def test_a_step_ends_as_its_module_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 goes on, 130 is a stop, all else an error that names the step."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "ending.py").write_text("import sys; sys.exit(int(sys.argv[1]))")

    def run(code: int) -> None:
        run_step(Step(title="the end", module="ending", arguments=(str(code),)), 2)

    run(0)
    with pytest.raises(KeyboardInterrupt):
        run(130)
    with pytest.raises(InvalidInput, match="exit code 2 of the step 'the end'"):
        run(2)


def test_what_was_made_of_other_texts_is_not_gone_on_with(folder: Path) -> None:
    """Done is done; a number or a text that changed afterwards is refused, and nothing is lost."""
    places = Places(folder=folder)
    agent, [first, second, *_] = read_domain(folder).agent, planned(folder)
    Progress(places, agent).add(first)
    again = Progress(places, agent)
    assert again.has(first)
    assert not again.has(second)
    path = folder / FILE_NAME
    path.write_text(path.read_text().replace("held_out: 30", "held_out: 40"))
    with pytest.raises(InvalidInput, match=r"delete .*work"):
        Progress(places, agent)
    path.write_text(path.read_text().replace("held_out: 40", "held_out: 30"))
    assert Progress(places, agent).has(first)


def test_training_begins_with_what_ships_and_other_codecs(tmp_path: Path) -> None:
    """The joined file's Transformer is nano's, its codecs are those that were named."""
    path = tmp_path / "start.safetensors"
    join(
        JoinOptions(audio_codec=shipped_codec("nano", "audio"), video_codec=shipped_codec("nano", "video"), out=path),
        QUIET,
    )
    shipped, joined = untrained(nano(), 0), untrained(nano(), 1)
    use_shipped_senses(shipped)
    use_shipped_transformer(shipped)
    load_trained(path, joined)
    for name, tensor in shipped.state_dict().items():
        other = joined.state_dict()[name]
        assert name.startswith("user_audio.") or torch.allclose(tensor, other, atol=2e-3, rtol=1e-3), name
    assert len(codec_tensors(joined)) > 100
