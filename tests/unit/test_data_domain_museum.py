"""The museum domain as data: read and expanded here in plain Python, without the loader that training uses."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="the domain is YAML; PyYAML comes with the extra `train`")

FOLDER = Path(__file__).parents[2] / "wan_streamer/train/data/domains/museum"
SLOT = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBER = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|seventeen|half|quarter|hundred|"
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-[a-z]+)?)\b"
)
# intent -> the beginning or a part of the lines of facts.md that its numbers come from
FACT_LINES = {
    "audio_guide": ("audio guide four",),
    "blind_visitors": ("touch tour",),
    "children_activities": ("Discovery room",),
    "discounts": ("- Adults",),
    "family_ticket": ("Family ticket",),
    "free_entry": ("Free for everybody", "- Adults"),
    "groups": ("Groups from",),
    "guided_tours": ("Guided tours", "guided tour five"),
    "holidays": ("Public holidays",),
    "lost_property": ("Lost property",),
    "membership": ("Membership",),
    "parking": ("Car park",),
    "planetarium_shows": ("Planetarium shows", "planetarium three"),
    "quiet_hours": ("Quiet hours",),
    "school_classes": ("School classes",),
    "special_exhibition": ("special exhibition four",),
    "ticket_prices": ("- Adults",),
    "tram": ("Tram line",),
    "visit_length": ("A visit takes",),
}


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@cache
def intents() -> list[dict[str, Any]]:
    files = sorted((FOLDER / "intents").glob("*.yaml"))
    return [intent for file in files for intent in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def topics() -> Iterator[tuple[str, dict[str, Any]]]:
    """Intents, follow-ups and what is out of the domain, with their full names."""
    for intent in intents():
        yield intent["name"], intent
        for follow_up in intent.get("follow_ups", ()):
            yield f"{intent['name']}.{follow_up['name']}", follow_up
    yield "out_of_domain", read("out_of_domain.yaml")


@cache
def slots() -> dict[str, list[dict[str, Any]]]:
    """Slot -> its values, each with a list `say` and its attributes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, values in read("slots.yaml").items():
        full = [value if isinstance(value, dict) else {"say": value} for value in values]
        found[name] = [{**v, "say": v["say"] if isinstance(v["say"], list) else [v["say"]]} for v in full]
    return found


def split_alternatives(text: str) -> list[str]:
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def expand(text: str, grammar: dict[str, list[str]]) -> list[str]:
    """All sentences of a template; slots stay as `{slot}`. Fails on an unknown name or an open bracket."""
    pieces: list[list[str]] = []
    position = 0
    while position < len(text):
        sign = text[position]
        if sign not in "([{":
            assert sign not in ")]}|", f"{sign} out of place in {text!r}"
            pieces.append([sign])
            position += 1
            continue
        depth = 0
        for end in range(position, len(text)):
            depth += (text[end] in "([{") - (text[end] in ")]}")
            if depth == 0:
                break
        assert depth == 0, f"open {sign} in {text!r}"
        inner = text[position + 1 : end]
        if sign == "{" and inner not in grammar:
            assert inner in slots(), f"unknown {{{inner}}} in {text!r}"
            pieces.append([f"{{{inner}}}"])
        elif sign == "{":
            assert inner not in slots(), f"{inner!r} is a rule and a slot"
            pieces.append([s for rule in grammar[inner] for s in expand(rule, grammar)])
        elif sign == "[":
            pieces.append(["", *expand(inner, grammar)])
        else:
            pieces.append([s for part in split_alternatives(inner) for s in expand(part, grammar)])
        position = end + 1
    return ["".join(combination) for combination in product(*pieces)]


@cache
def says() -> list[tuple[re.Pattern[str], str]]:
    words = sorted(
        ((say, name) for name, vs in slots().items() for v in vs for say in v["say"]), key=lambda p: -len(p[0])
    )
    return [(re.compile(rf"\b{re.escape(say.lower())}\b"), f"{{{name}}}") for say, name in words]


def normalised(sentence: str) -> str:
    """Lower case, no punctuation, slot values replaced by their slots."""
    text = sentence.lower()
    for pattern, slot in says():
        text = pattern.sub(slot, text)
    return " ".join(re.sub(r"[^\w{}'-]+", " ", text).split())


@cache
def sentences(name: str) -> frozenset[str]:
    topic = dict(topics())[name]
    grammar = topic.get("grammar") or {}
    texts = [*topic["phrasings"], *grammar.get("start", ())]
    return frozenset(sentence for text in texts for sentence in expand(text, grammar))


def spoken_answers(name: str, topic: dict[str, Any]) -> Iterator[str]:
    """The answers with each value of the slot that they name (at most one slot an answer in this domain)."""
    for answer in topic["answers"]:
        names = {slot for slot, _ in SLOT.findall(answer)} - {"last_answer"}
        assert len(names) <= 1, f"{name}: {answer!r}"
        for value in slots()[names.pop()] if names else [{"say": ["x"]}]:
            for say in value["say"]:
                attributes = {**value, "": say}
                yield SLOT.sub(lambda m, a=attributes: "" if m[1] == "last_answer" else a[m[2] or ""], answer)


def hours_table() -> dict[str, dict[str, str]]:
    """Day -> column -> words, from facts.md."""
    lines = (FOLDER / "facts.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| day |"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 6]]
    return {day: dict(zip(cells[0], row, strict=True)) for row in cells[2:] for day in WEEK if day in row[0]}


def test_there_is_enough_of_everything() -> None:
    """The domain has the counts that the issue asks for, and more."""
    assert len(intents()) >= 45
    assert len({name for name, _ in topics()}) == len(list(topics()))
    for intent in intents():
        name = intent["name"]
        assert len({normalised(p) for p in intent["phrasings"]}) >= 14, name
        made = {normalised(s) for r in intent["grammar"]["start"] for s in expand(r, intent["grammar"])}
        assert len(made) >= 200, name
        assert len(intent["answers"]) >= 2, name
    assert all(len(topic["phrasings"]) >= 8 for name, topic in topics() if "." in name)
    outside = read("out_of_domain.yaml")
    assert len(outside["phrasings"]) >= 40
    assert len(outside["answers"]) >= 4
    assert len(read("backchannels.yaml")["backchannels"]) >= 10
    assert len(read("side_talk.yaml")["side_talk"]) >= 20


def test_no_sentence_belongs_to_two_intents() -> None:
    """Nothing that an intent's phrasings and grammar can make is made by another intent too."""
    owners: dict[str, str] = {}
    for name, _ in topics():
        if "." not in name:
            for sentence in {normalised(sentence) for sentence in sentences(name)}:
                assert owners.setdefault(sentence, name) == name, f"{sentence!r} in {owners[sentence]} and {name}"


def test_follow_ups_of_one_intent_differ() -> None:
    """After one turn, a sentence can mean only one of its follow-ups."""
    for intent in intents():
        owners: dict[str, str] = {}
        for follow_up in intent.get("follow_ups", ()):
            name = f"{intent['name']}.{follow_up['name']}"
            for sentence in {normalised(sentence) for sentence in sentences(name)}:
                assert owners.setdefault(sentence, name) == name, f"{sentence!r} in {owners[sentence]} and {name}"


def test_each_value_belongs_to_one_slot() -> None:
    """No words are a value of two slots, and all values of a slot have the same attributes."""
    words = [say.lower() for values in slots().values() for value in values for say in value["say"]]
    assert len(words) == len(set(words))
    for name, values in slots().items():
        assert len({frozenset(value) for value in values}) == 1, name


def test_texts_can_be_spoken() -> None:
    """Texts have letters, apostrophes, hyphens and common punctuation only, no digits."""
    allowed = re.compile(r"[A-Za-z' ,.;:?!-]+")
    texts = [SLOT.sub("x", s) for name, _ in topics() for s in sentences(name)]
    texts += [answer for name, topic in topics() for answer in spoken_answers(name, topic) if answer]
    texts += [answer for event in read("events.yaml")["events"] for answer in event["answers"]]
    texts += read("backchannels.yaml")["backchannels"]
    texts += [line for exchange in read("side_talk.yaml")["side_talk"] for line in exchange]
    wrong = [text for text in texts if not allowed.fullmatch(text)]
    assert not wrong


def test_sentences_name_a_slot_once() -> None:
    """No sentence names a slot twice, has doubled words, or ends without punctuation."""
    for name, _ in topics():
        for sentence in sentences(name):
            found = SLOT.findall(sentence)
            assert len(found) == len(set(found)), f"{name}: {sentence}"
            assert re.search(r"[.?!]$", sentence), f"{name}: {sentence}"
            assert sentence.lower().count("please") < 2, f"{name}: {sentence}"
            if name != "stop":
                assert not re.search(r"\b(\w+) \1\b", sentence), f"{name}: {sentence}"


def test_answers_are_short() -> None:
    """Answers have 1 to 4 sentences and fewer than 40 words, whatever fills their slots."""
    reactions = [answer for event in read("events.yaml")["events"] for answer in event["answers"]]
    for answer in [*(a for name, topic in topics() for a in spoken_answers(name, topic)), *reactions]:
        assert len(answer.split()) < 40, answer
        assert len(re.findall(r"[.?!]", answer)) <= 4, answer


def test_every_question_has_an_answer() -> None:
    """Each sentence fills the slots of at least one answer, of its own or with those of the turn before."""
    needed = {
        name: [{slot for slot, _ in SLOT.findall(a)} - {"last_answer"} for a in topic["answers"]]
        for name, topic in topics()
    }
    always = {name: set.intersection(*({s for s, _ in SLOT.findall(x)} for x in sentences(name))) for name in needed}
    for name, slot_sets in needed.items():
        before = always[name.partition(".")[0]] if "." in name else set()
        assert any(slots_of_answer <= always[name] | before for slots_of_answer in slot_sets), name


def test_hours_agree_with_the_facts() -> None:
    """What is said of a day is what the table of hours in facts.md says of it."""
    table = hours_table()
    assert sorted(table) == sorted(WEEK)
    for value in slots()["day"]:
        row = table[value["say"][0]]
        if row["museum"] == "closed":
            assert all("closed" in value[key] for key in value if key != "say")
            continue
        assert value["hours"] == f"open from {row['museum']}"
        assert value["closing"] == f"we close at {row['museum'].split(' to ')[1]}"
        assert value["last"] == f"the last entry is at {row['last entry']}"
        assert value["dinosaurs"] == f"the dinosaur hall closes at {row['dinosaur hall closes']}"
        assert value["cafe"] == f"the cafe is open until {row['cafe closes']}"
    ends = {row["museum"].split(" to ")[-1] for row in table.values()} - {"closed"}
    said = {"closing_time": ends, "opening_hours.until_when": ends, "late_night": {"nine"}}
    said["last_entry"] = {row["last entry"] for row in table.values()} - {""}
    for name, times in said.items():
        for answer in dict(topics())[name]["answers"]:
            found = set(NUMBER.findall(answer.lower()))
            assert found <= times, answer


def test_numbers_agree_with_the_facts() -> None:
    """Each number in an answer stands in the line of facts.md that the answer derives from."""
    lines = (FOLDER / "facts.md").read_text(encoding="utf-8").splitlines()
    for name, marks in FACT_LINES.items():
        found = [line for line in lines if any(mark in line for mark in marks)]
        assert found, name
        known = set(NUMBER.findall(" ".join(found).lower()))
        for topic_name, topic in topics():
            if topic_name.partition(".")[0] == name and not topic_name.endswith(("_day", "which_languages")):
                for answer in topic["answers"]:
                    # the count of languages is a list in facts.md
                    said = set(NUMBER.findall(answer.lower().replace("five languages", "")))
                    assert said <= known, f"{name}: {answer!r}"


def test_halls_agree_with_the_facts() -> None:
    """Each hall is on the floor, and in the direction, that the table of floors in facts.md gives."""
    rows = dict(
        re.findall(r"(?m)^\| (lower|ground|first|second) \| (.*) \|$", (FOLDER / "facts.md").read_text("utf-8"))
    )
    for value in slots()["hall"]:
        found = re.search(rf"{value['name'].removeprefix('the ')} \(([^)]*)\)", rows[value["floor"].split()[2]])
        assert found, value["name"]
        assert all(part in value["way"] for part in found[1].split(", ")), value["name"]
    ways = {value["name"]: value for value in slots()["hall"]}
    for value in slots()["exhibit"]:
        hall, floor = value["place"].removeprefix("in ").split(", ")
        assert (floor, value["way"]) == (ways[hall]["floor"], ways[hall]["way"])
