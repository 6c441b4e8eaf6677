"""Reads a domain from its folder; the files are described in `domains/README.md`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import FILE_NAME, default_agent, read_agent
from wan_streamer.train.data.events import ITEMS
from wan_streamer.train.data.generate.domain import (
    OUT_OF_DOMAIN,
    REACTION_EVENTS,
    Domain,
    Intent,
    PlacedText,
    Reaction,
    SlotValue,
)
from wan_streamer.train.data.yaml_file import YamlValue, only_document, read_documents

MIN_PHRASING_COUNT: Final = 12
MIN_FOLLOW_UP_PHRASING_COUNT: Final = 4
DOMAINS: Final = Path(__file__).parents[1] / "domains"
DEFAULT_DOMAIN: Final = DOMAINS / "museum"

_NAME_SIGNS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def read_domain(folder: Path) -> Domain:
    """Reads and checks the files of a domain; `PhraseBook` checks what they mean.

    Raises:
        InvalidInput: a file is missing or not as described; the message names file and line.
    """
    files = sorted((folder / "intents").glob("*.yaml"))
    if not files:
        raise InvalidInput(
            f"got no files {folder / 'intents'}/*.yaml, expected a domain folder; check the path", reason="DOMAIN"
        )
    intents = [_intent(document) for file in files for document in read_documents(file)]
    _check_names(intents)
    out_of_domain = _only(folder / "out_of_domain.yaml")
    return Domain(
        name=folder.resolve().name,
        intents=tuple(intents),
        out_of_domain=_topic(
            out_of_domain,
            PlacedText.at(OUT_OF_DOMAIN, out_of_domain.where),
            out_of_domain.fields(required=("phrasings", "answers"), optional=("grammar",)),
            MIN_PHRASING_COUNT,
        ),
        backchannels=_texts(_entry(folder / "backchannels.yaml", "backchannels")),
        reactions=tuple(map(_reaction, _entry(folder / "events.yaml", "events").items())),
        side_talk=tuple(map(_exchange, _entry(folder / "side_talk.yaml", "side_talk").items())),
        slots=_slots(_only(folder / "slots.yaml")),
        agent=read_agent(folder / FILE_NAME) if (folder / FILE_NAME).exists() else default_agent(),
    )


def _intent(document: YamlValue) -> Intent:
    found = document.fields(
        required=("name", "phrasings", "answers"), optional=("grammar", "follow_ups", "repeats", "interrupts")
    )
    name = _name(found["name"])
    follow_ups = (
        tuple(_follow_up(value, name) for value in found["follow_ups"].items()) if "follow_ups" in found else ()
    )
    flags = {key: found[key].boolean() for key in ("repeats", "interrupts") if key in found}
    return _topic(document, name, found, MIN_PHRASING_COUNT, follow_ups=follow_ups, **flags)


def _follow_up(value: YamlValue, intent_name: str) -> Intent:
    found = value.fields(required=("name", "phrasings", "answers"), optional=("grammar",))
    name = _name(found["name"])
    return _topic(value, PlacedText.at(f"{intent_name}.{name}", name.where), found, MIN_FOLLOW_UP_PHRASING_COUNT)


def _topic(
    value: YamlValue,
    name: PlacedText,
    found: dict[str, YamlValue],
    min_count: int,
    *,
    follow_ups: tuple[Intent, ...] = (),
    repeats: bool = False,
    interrupts: bool = False,
) -> Intent:
    phrasings = _texts(found["phrasings"])
    if len(set(phrasings)) < min_count:
        raise InvalidInput(
            f"{value.where}: got {len(set(phrasings))} different phrasings of {name!r}, expected {min_count} or more",
            reason="DOMAIN",
        )
    grammar = found["grammar"].mapping() if "grammar" in found else {}
    return Intent(
        name=name,
        phrasings=phrasings,
        answers=_texts(found["answers"]),
        grammar={rule: _texts(alternatives, may_be_empty=True) for rule, alternatives in grammar.items()},
        follow_ups=follow_ups,
        repeats=repeats,
        interrupts=interrupts,
    )


def _reaction(value: YamlValue) -> Reaction:
    found = value.fields(required=("event", "answers"), optional=("item",))
    event = found["event"].text()
    if event not in REACTION_EVENTS:
        raise found["event"].wrong(f"one of {', '.join(REACTION_EVENTS)}")
    items = ITEMS.get(event, ())
    item = found["item"].text() if "item" in found else None
    if item not in (items or (None,)):
        raise found.get("item", value).wrong(f"an item of {', '.join(items)}" if items else f"no item for {event}")
    return Reaction(event=event, item=item, answers=_texts(found["answers"]))


def _exchange(value: YamlValue) -> tuple[str, ...]:
    lines = _texts(value)
    if not 2 <= len(lines) <= 6:
        raise InvalidInput(f"{value.where}: got {len(lines)} lines, expected 2 to 6", reason="DOMAIN")
    return lines


def _slots(document: YamlValue) -> dict[str, tuple[SlotValue, ...]]:
    slots = {}
    for name, values in document.mapping().items():
        _check_name(name, values)
        slots[name] = tuple(map(_slot_value, values.items()))
        if not slots[name]:
            raise values.wrong("values of the slot")
    return slots


def _slot_value(value: YamlValue) -> SlotValue:
    if isinstance(value.value, str):
        return SlotValue(says=(_placed(value),))
    found = dict(value.mapping())
    if "say" not in found:
        raise value.wrong("text, or a mapping with 'say'")
    say = found.pop("say")
    says = _texts(say) if isinstance(say.value, list) else (_placed(say),)
    return SlotValue(says=says, attributes={name: _placed(text) for name, text in found.items()})


def _only(path: Path) -> YamlValue:
    return only_document(read_documents(path), source=str(path))


def _entry(path: Path, key: str) -> YamlValue:
    return _only(path).fields(required=(key,))[key]


def _texts(value: YamlValue, *, may_be_empty: bool = False) -> tuple[str, ...]:
    texts = tuple(_placed(item, may_be_empty=may_be_empty) for item in value.items())
    if not texts:
        raise value.wrong("at least one text")
    return texts


def _placed(value: YamlValue, *, may_be_empty: bool = False) -> PlacedText:
    text = value.text()
    if not text.strip() and not may_be_empty:
        raise value.wrong("text that is not empty")
    return PlacedText.at(text, value.where)


def _name(value: YamlValue) -> PlacedText:
    _check_name(value.text(), value)
    return _placed(value)


def _check_name(name: str, value: YamlValue) -> None:
    if not name or not set(name) <= _NAME_SIGNS:
        raise InvalidInput(
            f"{value.where}: got the name {name!r}, expected small letters, digits and _", reason="DOMAIN"
        )


def _check_names(intents: Iterable[Intent]) -> None:
    seen: dict[str, str] = {OUT_OF_DOMAIN: "reserved", "side_talk": "reserved", "event": "reserved"}
    for intent in intents:
        for topic in (intent, *intent.follow_ups):
            where = topic.name.where if isinstance(topic.name, PlacedText) else ""
            if topic.name in seen:
                raise InvalidInput(
                    f"{where}: got the intent {topic.name!r} again (first: {seen[topic.name]}), expected another name",
                    reason="DOMAIN",
                )
            seen[topic.name] = where
