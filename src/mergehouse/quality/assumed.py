"""What nobody declared and a brand's figures stand on all the same: every default, with what was taken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel

from mergehouse.project.brand import OF_THE_FOLDER, Brand
from mergehouse.project.settings import Config
from mergehouse.project.sources import Source

OF_FIGURES = ("churn_after_days", "rates")  # keys of mergehouse.yml that figures depend on
DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
FALLBACK = "cp1252"


class Assumption(NamedTuple):
    """A key that nobody set, what was taken in its place, and what it is about or how that was found."""

    key: str
    taken: str
    why: str


def assumptions(brand: Brand, config: Config, deliveries: Sequence[Mapping[str, Any]]) -> list[Assumption]:
    """Defaults of brand.yml and mergehouse.yml, and what was found in the files where it is not declared.

    `deliveries` are the brand's rows of the ledger.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> project, batches = mh.project("shop"), read_batches(mh.open("shop"))
    >>> found = assumptions(project.brands["shop"], project.config, [vars(batch) for batch in batches])
    >>> [(each.key, each.taken) for each in found if each.key.startswith("sources.lines.d")]
    [('sources.lines.delimiter', 'comma (1 file)'), ('sources.lines.decimal_mark', '. (1 file)')]
    """
    found = [*_defaults(brand, ""), *(a for a in _defaults(config, "") if a.key in OF_FIGURES)]
    for name, source in brand.sources.items():
        loaded = [d for d in deliveries if d["source_table"] == name and d["status"] == "loaded"]
        found += _defaults(source, f"sources.{name}.")
        found += _found_in_files(source, f"sources.{name}.", loaded)
    return found


def _defaults(model: BaseModel, before: str) -> Iterator[Assumption]:
    """Keys that have a default and were not set; what is off or empty without them is none."""
    for name, field in type(model).model_fields.items():
        if field.is_required() or name in model.model_fields_set or name in OF_THE_FOLDER:
            continue
        if value := getattr(model, name):
            yield Assumption(f"{before}{name}", shown(value), _plain(field.description))


def shown(value: Any) -> str:
    """A value of a key as people read it; decimals are shares.

    >>> shown(Decimal("0.0500")), shown(["*.csv", "*.xlsx"])
    ('5 %', '*.csv, *.xlsx')
    """
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {shown(v)}" for name, v in value if v not in (None, "", [], {}))
    if isinstance(value, Decimal):
        return f"{(value * 100).normalize():f} %"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plain(text: str | None) -> str:
    return (text or "").replace("`", "")


def _found_in_files(
    source: Source, before: str, deliveries: Sequence[Mapping[str, Any]]
) -> Iterator[Assumption]:
    formats = [json.loads(d["formats"]) for d in deliveries]
    if not source.delimiter and (
        taken := _counted(DELIMITERS.get(d, d) for d in _of(deliveries, "delimiter"))
    ):
        yield Assumption(f"{before}delimiter", taken, "Finds most of the declared columns in the header.")
    if not source.encoding and (taken := _counted(_of(deliveries, "encoding"))):
        why = f"Told from the bytes; {FALLBACK} where these are no UTF-8 and nothing marks them."
        yield Assumption(f"{before}encoding", taken, why)
    has_numbers = any(column.type in ("number", "percent") for column in source.columns.values())
    marks = _counted(found["decimal_mark"] for found in formats if has_numbers)
    if not source.decimal_mark and marks:
        why = "What most values show; where none does, that of earlier files, and at first a point."
        yield Assumption(f"{before}decimal_mark", marks, why)
    if not source.date_order:
        written = [
            f"{name}: {p}" for found in formats for name, ps in found.get("dates", {}).items() for p in ps
        ]
        if taken := _counted(written):
            why = (
                "Told from values above 12; without any, as in earlier files, and at first day before month."
            )
            yield Assumption(f"{before}date_order", taken, why)


def _of(deliveries: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return [d[name] for d in deliveries if d[name]]


def _counted(values: Iterable[str]) -> str:
    counts = Counter(values).most_common()
    return "; ".join(f"{value} ({count} file{'' if count == 1 else 's'})" for value, count in counts)
