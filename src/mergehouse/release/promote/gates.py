"""What a release must pass before an environment takes it. A gate says yes or no, and in words what it
found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mergehouse.contracts.registry import find
from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.release.manifest.manifest import Manifest, ReleasedTable
from mergehouse.release.verify import Verification
from mergehouse.storage import storage_errors

BRAND = "source_system"  # what a brand manager's filter compares
BRAND_VIEW, GROUP_VIEW = "gold.customer_brand_360", "gold.customer_360"
CARDS = "models"  # the folder of a lakehouse that model cards are in
CARD_PAGES = ("json", "html", "md")
NAMED = 3  # faults that a gate names; it counts the others


@dataclass(frozen=True)
class Gate:
    """`found` is one sentence, for the audit trail."""

    name: str
    passed: bool
    found: str


def gate(name: str, examine: Callable[[], Gate]) -> Gate:
    """A gate that cannot be examined is closed."""
    try:
        return examine()
    except MergehouseError as error:
        return Gate(name, False, str(error))


def approval(approved_by: str, note: str) -> Gate:
    """Somebody answers for it by name, and says why."""
    if not approved_by.strip() or not note.strip():
        missing = "--approved-by NAME" if not approved_by.strip() else "--note TEXT"
        return Gate("approval", False, f"nobody has approved it: {missing} is missing.")
    return Gate("approval", True, f"{approved_by.strip()}: {note.strip()}")


def verification(found: Verification) -> Gate:
    if not found.passed:
        return Gate(
            "verification", False, _named([f"{fault.where}: {fault.message}" for fault in found.faults])
        )
    return Gate("verification", True, "every file and figure is as it was sealed.")


def quality(manifest: Manifest) -> Gate:
    """The verdict of the checks of the lakehouse that the release was made of. Without one nobody knows."""
    verdict = manifest.quality
    if verdict.verdict == "passed":
        return Gate("quality", True, f"{verdict.checks:,} checks, none of severity error fails.")
    errors = [f"{c.table}: {c.check} ({c.failures:,} rows)" for c in verdict.failed if c.severity == "error"]
    return Gate(
        "quality",
        False,
        _named(errors) if errors else "no run has checked the tables: `mergehouse run`, then release again.",
    )


def row_level_security(manifest: Manifest) -> Gate:
    """Whether who may see only one brand can be kept to it, as far as tables can say: who sees what is set
    where they are read.

    Every table that is by brand, in its contract or in the release, has the brand in each row; what is for
    the whole group has its counterpart by brand; and no personal column leaves under another tag, or without
    any contract that knows it.
    """
    faults, personal = [], []
    if manifest.table(GROUP_VIEW) and not manifest.table(BRAND_VIEW):
        faults.append(
            f"{GROUP_VIEW} is released without {BRAND_VIEW}, which is all that a brand manager may see"
        )
    for table in manifest.tables:
        contract = find(table.name)
        if contract is None:
            faults.append(f"{table.name} is in no contract")
            continue
        if table.name == BRAND_VIEW or BRAND in (*contract.partition_by, *contract.key, *table.partition_by):
            faults += _brand_faults(table)
        for column in table.columns:
            declared = contract.columns.get(column.name)
            if declared is None:
                faults.append(f"{table.name}.{column.name} is in no contract")
            elif declared.pii != "none" and column.pii != declared.pii:
                faults.append(f"{table.name}.{column.name} is {declared.pii} and is released as {column.pii}")
            elif declared.pii == "personal":
                personal.append(f"{table.name}.{column.name}")
    if faults:
        return Gate("row_level_security", False, _named(faults))
    declared_words = f"personal and declared: {', '.join(personal)}" if personal else "no personal column"
    return Gate("row_level_security", True, f"every row by brand has its brand; {declared_words}.")


def model_card(manifest: Manifest, source: Lakehouse) -> tuple[Gate, list[str]]:
    """Every model that wrote scores of the release has its card, of the same version, in the source; also the
    names of their pages.
    """
    models = sorted({(m.model_name, str(m.model_version)) for m in manifest.models if m.model_name}, key=str)
    if not models:
        return Gate("model_card", True, "no model wrote any of it."), []
    cards = _cards(source)
    missing = [f"{name} version {version}" for name, version in models if (name, version) not in cards]
    if missing:
        return (
            Gate(
                "model_card",
                False,
                f"no card in {CARDS}/ for {_named(missing)} `mergehouse train` writes cards.",
            ),
            [],
        )
    return Gate("model_card", True, f"cards of {len(models)} models."), [cards[model] for model in models]


def _brand_faults(table: ReleasedTable) -> list[str]:
    brand = next((column for column in table.columns if column.name == BRAND), None)
    if brand is None:
        return [f"{table.name} has no column {BRAND} to filter by"]
    if brand.nullable or brand.nulls:
        return [f"{table.name}.{BRAND} may be empty ({brand.nulls:,} rows are): such rows belong to nobody"]
    return []


def _cards(lakehouse: Lakehouse) -> dict[tuple[str, str], str]:
    """Name and version of the model to the name of its card's pages, without suffix."""
    found = {}
    for key in keys(lakehouse, f"{CARDS}/"):
        if key.endswith(".json"):
            with storage_errors(lakehouse.location):
                card = _parsed(lakehouse.store.get(key).bytes().to_bytes())
            found[str(card.get("name", "")), str(card.get("version", ""))] = key.removesuffix(".json")
    return found


def keys(lakehouse: Lakehouse, prefix: str) -> list[str]:
    with storage_errors(lakehouse.location):
        return [file["path"] for files in lakehouse.store.list(prefix) for file in files]


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _named(faults: list[str]) -> str:
    more = f"; and {len(faults) - NAMED:,} more" if len(faults) > NAMED else ""
    return "; ".join(fault.rstrip(".") for fault in faults[:NAMED]) + more + "."
