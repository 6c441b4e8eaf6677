"""YAML that remembers where each value stands, so that an error can name file and line.

PyYAML's safe loader reads it: text, numbers, lists and mappings, never objects. Aliases are refused: a few of them
make gigabytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wan_streamer.errors import InvalidInput

MAX_DEPTH: Final = 50

_KINDS: Final = {
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:map": "a mapping",
    "tag:yaml.org,2002:seq": "a list",
}
_TEXT_HINT: Final = {
    "true or false": "; put it in quotes if it is a word",
    "a number": "; put it in quotes",
    "a whole number": "; put it in quotes",
    "a mapping": "; put it in quotes if it is a sentence with a colon or a brace",
    "a list": "; put it in quotes if it begins with a bracket",
    "nothing": "; write it or remove the line",
}


@dataclass(frozen=True, kw_only=True)
class YamlValue:
    """One value of a YAML file and its place.

    Attributes:
        source: name of the file, for messages.
        line: where the value begins, counted from 1.
        value: text, int, float, bool, None, a list of YamlValue, or a dict from text to YamlValue.
        kind: in words, what it is.
    """

    source: str
    line: int
    value: Any
    kind: str

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.source}:{self.line}"

    def wrong(self, expected: str, hint: str = "") -> InvalidInput:
        """The error that says what was found here and what was expected."""
        shown = f" {self.value!r}" if isinstance(self.value, str | int | float) else ""
        return InvalidInput(f"{self.where}: got {self.kind}{shown}, expected {expected}{hint}", reason="YAML")

    def text(self, name: str = "text") -> str:
        """The value as text.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, str):
            raise self.wrong(name, _TEXT_HINT.get(self.kind, ""))
        return self.value

    def whole_number(self) -> int:
        """The value as an integer.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def number(self) -> float:
        """The value as a float.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("a number")
        return float(self.value)

    def boolean(self) -> bool:
        """The value as true or false.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def items(self) -> list["YamlValue"]:
        """The values of a list.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return self.value

    def mapping(self) -> dict[str, "YamlValue"]:
        """The values of a mapping.

        Raises:
            InvalidInput: it is something else.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("a mapping")
        return self.value

    def fields(self, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, "YamlValue"]:
        """The values of a mapping with exactly these keys.

        Raises:
            InvalidInput: a key is missing or unknown.
        """
        found = self.mapping()
        known = (*required, *optional)
        for key, value in found.items():
            if key not in known:
                raise InvalidInput(
                    f"{value.where}: got the unknown key {key!r}, expected one of {', '.join(known)}", reason="YAML"
                )
        for key in required:
            if key not in found:
                raise InvalidInput(f"{self.where}: got no {key!r}, expected it here; add it", reason="YAML")
        return found


def read_documents(path: Path) -> list[YamlValue]:
    """All documents (separated by `---`) of a file.

    Raises:
        InvalidInput: the file cannot be read, is not UTF-8 or not YAML, or PyYAML is missing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path}: got bytes that are not UTF-8 ({error.reason}), expected UTF-8", reason="YAML"
        ) from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror}); check the path", reason="YAML") from error
    return list(parse_documents(text, source=str(path)))


def only_document(documents: Sequence[YamlValue], *, source: str) -> YamlValue:
    """The one document of a file.

    Raises:
        InvalidInput: there is another number of them.
    """
    if len(documents) != 1:
        raise InvalidInput(f"{source}: got {len(documents)} documents, expected one", reason="YAML")
    return documents[0]


def parse_documents(text: str, *, source: str) -> Iterator[YamlValue]:
    """All documents of a text; `source` names it in messages.

    Raises:
        InvalidInput: the text is not YAML, has a key twice, an alias or an unknown tag, or PyYAML is missing.
    """
    yaml = import_yaml()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml, yaml.parse(text, Loader=loader), source)
        for node in yaml.compose_all(text, Loader=loader):
            yield _Reader(source, yaml).value(node)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"{source}{_line_of(error)}: not YAML: {_problem_of(error)}", reason="YAML") from error


def import_yaml() -> Any:
    """PyYAML, an optional dependency.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput(
            "reading and writing YAML needs PyYAML, which is not installed; pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    return yaml


def _check_depth(yaml: Any, events: Iterable[Any], source: str) -> None:
    """The C loader composes recursively and would take the process down with it."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise InvalidInput(
                f"{source}:{event.start_mark.line + 1}: got lists more than {MAX_DEPTH} levels deep, expected a few",
                reason="YAML",
            )


class _Reader:
    """Turns PyYAML's nodes of one document into values with places."""

    def __init__(self, source: str, yaml: Any) -> None:
        self._source = source
        self._yaml = yaml
        self._scalars = yaml.SafeLoader("")
        self._seen: set[int] = set()

    def value(self, node: Any) -> YamlValue:
        line = node.start_mark.line + 1
        if id(node) in self._seen:
            raise self._error(line, "an alias (*name)", "the value written out")
        self._seen.add(id(node))
        if node.tag not in _KINDS:
            raise self._error(
                line, f"a value of type {node.tag.rpartition(':')[2]}", "text (in quotes), number or list"
            )
        value: Any
        if isinstance(node, self._yaml.MappingNode):
            value = self._mapping(node)
        elif isinstance(node, self._yaml.SequenceNode):
            value = [self.value(item) for item in node.value]
        else:
            value = self._scalars.construct_object(node)
        return YamlValue(source=self._source, line=line, value=value, kind=_KINDS[node.tag])

    def _mapping(self, node: Any) -> dict[str, YamlValue]:
        found: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            key = self.value(key_node).text("a key that is text")
            if key in found:
                raise self._error(key_node.start_mark.line + 1, f"the key {key!r} twice", "it once")
            found[key] = self.value(value_node)
        return found

    def _error(self, line: int, got: str, expected: str) -> InvalidInput:
        return InvalidInput(f"{self._source}:{line}: got {got}, expected {expected}", reason="YAML")


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem_of(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
