"""YAML that people write: plain values, keys as text, and nothing that takes more memory than it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mergehouse.errors import ConfigError
from mergehouse.project.text_file import read_text

LARGEST = 4_000_000  # characters
DEEPEST = 40  # lists and mappings within one another
MOST_VALUES = 200_000  # where an alias stands, those of its anchor counted again
_Parser: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # C, where PyYAML was built with it: 10 times faster


class _Loader(_Parser):  # type: ignore[misc]
    """Keys are text as they are written: `no` and `1` are names of columns."""

    keys_once = True

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _problem("a key that is a list or mapping; expected a text", key)
            if self.keys_once and key.value in found and key.tag != "tag:yaml.org,2002:merge":
                raise _problem(f"key `{key.value[:40]}` is there twice", key)
            found[key.value] = key
            if key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # 2026-02-30, a number of 5,000 digits
            raise _problem(str(error).split(";")[0], node) from None
        except (TypeError, AttributeError, KeyError):  # `!!timestamp x`
            raise _problem(f"no {node.tag.rsplit(':', 1)[-1]}", node) from None


class _LaterKeys(_Loader):
    """Of a key that is there twice, the later counts."""

    keys_once = False


def read_yaml(file: Path, keys_once: bool = True) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError with line and column where it is not one.

    A key that is there twice is refused, or if not `keys_once`, the later counts.

    >>> read_yaml(Path("shop/mergehouse.yml"))["name"]
    'tiny'
    >>> _ = Path("torn.yml").write_text("name: tiny: x")
    >>> read_yaml(Path("torn.yml"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: torn.yml, line 1, column 11: not valid YAML (...).
    """
    text = read_text(file)
    try:
        _expect_bounds(text)
        loaded = yaml.load(text, Loader=_Loader if keys_once else _LaterKeys)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{file}{where}: not valid YAML ({problem}).") from None
    except (TypeError, ValueError, AttributeError) as error:  # PyYAML's own, of a tag that does not fit
        raise ConfigError(f"{file}: not valid YAML ({error}).") from None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{file}: expected keys and values, found {_kind(loaded)}.")
    return loaded


def parse_yaml(text: str) -> Any:
    """Plain values from YAML that comes with the package.

    >>> parse_yaml("sources: {lines: {files: 'lines*'}}")
    {'sources': {'lines': {'files': 'lines*'}}}
    """
    return yaml.load(text, Loader=_Parser)


def _expect_bounds(text: str) -> None:
    """Raises YAMLError before anything is made of a text that is too long, too deep, or grows by aliases."""
    if len(text) > LARGEST:
        raise yaml.YAMLError(f"{len(text):,} characters; expected at most {LARGEST:,}")
    values, sizes = 0, dict[str, int]()  # by anchor
    within: list[tuple[str | None, int]] = []
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in within):
                raise _problem(f"`*{event.anchor}` is part of itself", event)
            values += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            if isinstance(event, yaml.CollectionStartEvent):
                within.append((event.anchor, values))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = within.pop()
            if anchor:
                sizes[anchor] = values - before + 1
        if len(within) > DEEPEST:
            raise _problem(f"more than {DEEPEST} lists and mappings within one another", event)
        if values > MOST_VALUES:
            raise _problem(f"more than {MOST_VALUES:,} values, those of aliases counted each time", event)


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_Parser)


def _problem(words: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=words, problem_mark=at.start_mark)


def _kind(value: Any) -> str:
    return {type(None): "nothing", list: "a list"}.get(type(value), "a single value")
