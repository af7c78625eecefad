"""What people write, as models: what is not declared is refused, with file, key and the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.fields import FieldInfo

from mergehouse.errors import ConfigError

# what every file system, catalogue of tables and engine takes
LONGEST_NAME = 100
LONGEST_SHOWN = 120  # letters of a value in a message
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=LONGEST_NAME)]
_Model = TypeVar("_Model", bound=BaseModel)


class Strict(BaseModel):
    """A part of what people write: unknown keys are refused, and what has been read stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def nearest(word: str, candidates: Any) -> str | None:
    """The candidate most like `word`, if any is close.

    >>> nearest("pries", ["price", "quantity"]), nearest("xyz", ["price", "quantity"])
    ('price', None)
    """
    found = difflib.get_close_matches(str(word), [str(c) for c in candidates], n=1, cutoff=0.5)
    return found[0] if found else None


def expect_known(word: str, known: Any, file: Path, where: str) -> None:
    """Raises ConfigError, with what is most like it, where a word is none of those known.

    >>> expect_known("pries", ["price", "quantity"], Path("brand.yml"), "key")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: brand.yml: key: `pries` is not declared; did you mean `price`?
    """
    if word not in known:
        raise ConfigError(f"{file}: {where}: `{word}` is not declared{nearest_known(word, known)}")


def nearest_known(word: str, known: Any) -> str:
    """The end of a message: what a word may have been meant for.

    >>> nearest_known("pries", ["price"]), nearest_known("xyz", ["price", "quantity"])
    ('; did you mean `price`?', '; expected one of: price, quantity.')
    """
    best = nearest(word, known)
    return (
        f"; did you mean `{best}`?"
        if best
        else f"; expected one of: {', '.join(sorted(map(str, known))[:12])}."
    )


def validated(model: type[_Model], values: dict[str, Any], file: Path) -> _Model:
    """The model of what a file says. Raises ConfigError with a line for each key that is wrong.

    >>> class Note(Strict):
    ...     text: str
    >>> validated(Note, {"txt": "hello"}, Path("note.yml"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: note.yml: key `text` is missing.
    note.yml: unknown key `txt`; did you mean `text`?
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(_readable(model, item, file) for item in error.errors())) from None


def _readable(model: type[BaseModel], item: Any, file: Path) -> str:
    path = [str(part) for part in item["loc"] if part != "[key]"]
    key = ".".join(path)
    if item["type"] == "extra_forbidden":
        if places := [place for place, name in _keys(model) if name == path[-1]]:
            where = f"it is a key below `{places[0]}`" if places[0] else "it is a key of the file itself"
            return f"{file}: unknown key `{key}`; {where}."
        return f"{file}: unknown key `{key}`{nearest_known(path[-1], _fields_at(model, item['loc'][:-1]))}"
    if item["type"] == "missing":
        return f"{file}: key `{key}` is missing."
    found = ""
    if not isinstance(item["input"], dict):
        shown = repr(item["input"])
        found = f" (found {shown if len(shown) <= LONGEST_SHOWN else f'{shown[:LONGEST_SHOWN]}...'})"
    if item["type"] == "string_type" and isinstance(item["input"], bool | int | float):
        found += "; put it in quotes: YAML takes words such as `no` and `on`, and digits, for no text"
    said = item["msg"].removeprefix("Value error, ")
    about = f"key `{key}`: {said[0].lower() + said[1:]}" if key else said
    return f"{file}: {about}{found}."


def _keys(model: type[BaseModel], below: str = "") -> Iterator[tuple[str, str]]:
    """All keys that there are, each behind those that it stands below, with `<name>` for a name of one's
    own.
    """
    for name, field in model.model_fields.items():
        if not _is_for_people(field):
            continue
        yield below, name
        if inner := _model_in(field.annotation):
            named = ".<name>" if get_origin(field.annotation) is dict else ""
            yield from _keys(inner, f"{below}.{name}{named}".removeprefix("."))


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys allowed at `path` inside `model`, following nested models and dicts of models."""
    current: Any = model
    for part in path:
        inner = _model_in(current) or model
        is_key = inner is current or part in inner.model_fields and not _is_by_name(current)
        current = inner.model_fields[part].annotation if is_key else inner
    found = _model_in(current) or model
    return [name for name, field in found.model_fields.items() if _is_for_people(field)]


def _is_for_people(field: FieldInfo) -> bool:
    """False of what a model carries besides what people write."""
    return field.is_required() or bool(field.description)


def _is_by_name(kind: Any) -> bool:
    return get_origin(kind) in (dict, list)


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The model that a key's value is, or that each of its values is."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
