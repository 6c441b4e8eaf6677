"""Scripts as YAML: what `wan-streamer data script` writes and what anybody can write by hand.

The keys are the fields of the dataclasses in `events.py`, a field with its default is left out, and each event says its
`kind` (`user_turn`, `agent_turn`, `backchannel`, `sound`, `noise_bed`, `visitor_action`, `agent_gesture`, `silence`).
"""

import re
import types
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import AnyEvent
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.yaml_file import YamlValue, import_yaml, parse_documents, read_documents

FORMAT: Final = "wan-streamer-script-1"


def to_yaml(script: Script) -> str:
    """A script as one YAML document.

    Raises:
        InvalidInput: PyYAML is missing.
    """
    content = {"format": FORMAT, **_plain(script)}
    return str(
        import_yaml().safe_dump(content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    )


def from_yaml(text: str, *, source: str = "script") -> Script:
    """A script from one YAML document; `source` names it in messages.

    Raises:
        InvalidInput: it is not a script; the message names the line.
    """
    documents = list(parse_documents(text, source=source))
    if len(documents) != 1:
        raise InvalidInput(f"{source}: got {len(documents)} documents, expected one script", reason="YAML")
    return _script(documents[0])


def read_scripts(path: Path) -> list[Script]:
    """All scripts of a file.

    Raises:
        InvalidInput: the file cannot be read or one of its documents is not a script; the message names the line.
    """
    return [_script(document) for document in read_documents(path)]


def write_scripts(path: Path, scripts: Iterable[Script]) -> None:
    """Writes scripts into a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, "".join("---\n" + to_yaml(script) for script in scripts).encode())


def _script(document: YamlValue) -> Script:
    content = dict(document.mapping())
    if "format" not in content:
        raise document.wrong("a script, which begins with 'format'", f"; write 'format: {FORMAT}' first")
    found = content.pop("format")
    if found.text() != FORMAT:
        raise found.wrong(FORMAT)
    value = YamlValue(source=document.source, line=document.line, value=content, kind=document.kind)
    return _dataclass(value, Script)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        kind = {"kind": _kind(type(value))} if type(value) in get_args(AnyEvent) else {}
        return kind | {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        }
    if isinstance(value, str):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _kind(event_class: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_class.__name__).lower()


_EVENT_CLASSES: Final = types.MappingProxyType({_kind(event_class): event_class for event_class in get_args(AnyEvent)})


def _typed(value: YamlValue, wanted: Any) -> Any:
    if wanted == AnyEvent:
        return _event(value)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if value.value is None else _typed(value, inner)
    if origin is tuple:
        return tuple(_typed(item, arguments[0]) for item in value.items())
    if origin is Literal:
        text = value.text(f"one of {', '.join(arguments)}")
        if text not in arguments:
            raise value.wrong(f"one of {', '.join(arguments)}")
        return text
    if is_dataclass(wanted):
        assert isinstance(wanted, type)
        return _dataclass(value, wanted)
    readers: dict[Any, Callable[[], Any]] = {
        str: value.text,
        int: value.whole_number,
        float: value.number,
        bool: value.boolean,
    }
    return readers[wanted]()


def _event(value: YamlValue) -> AnyEvent:
    content = dict(value.mapping())
    kinds = ", ".join(_EVENT_CLASSES)
    if "kind" not in content:
        raise value.wrong("an event with a 'kind'", f"; one of {kinds}")
    kind = content.pop("kind")
    event_class = _EVENT_CLASSES.get(kind.text(f"one of {kinds}"))
    if event_class is None:
        raise kind.wrong(f"one of {kinds}")
    event: AnyEvent = _dataclass(
        YamlValue(source=value.source, line=value.line, value=content, kind=value.kind), event_class
    )
    return event


def _dataclass(value: YamlValue, wanted: type) -> Any:
    all_fields = [field for field in fields(wanted) if field.init]
    required = tuple(field.name for field in all_fields if field.default is MISSING)
    optional = tuple(field.name for field in all_fields if field.default is not MISSING)
    found = value.fields(required=required, optional=optional)
    hints = get_type_hints(wanted)
    content = {name: _typed(item, hints[name]) for name, item in found.items()}
    try:
        return wanted(**content)
    except InvalidInput as error:
        raise InvalidInput(f"{value.where}: {error}", reason=error.reason) from error
