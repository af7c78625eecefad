"""What a run does about tables that are not as mergehouse wrote them, before it reads any.

Where somebody else has written, the last version that mergehouse wrote is put back. Where that cannot be had,
what models make is built again, and of what runs only add to - the ledger, the log of runs, what trainings
leave - as much as can be read is kept. Sources in Bronze are left to `ingest/reloading.py`: only a delivery
can say again what was in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mergehouse.contracts.contract import Contract, Severity
from mergehouse.contracts.registry import find, is_built
from mergehouse.errors import LakehouseError
from mergehouse.ingest.bronze import BATCHES, IngestResult, read_batches
from mergehouse.ingest.bronze_rows import differing, loaded_into
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import types_of
from mergehouse.lakehouse.integrity import Fault, faults
from mergehouse.lakehouse.repair import kept_rows, set_aside, without_lost_files
from mergehouse.lakehouse.writing import restore
from mergehouse.pipeline.computed import is_left_out
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult

RAW = "`mergehouse run --full --from-raw` leaves Bronze with what was delivered."
MEND = "`mergehouse run` mends it, or says what is lost."


def heal(project: Project, lakehouse: Lakehouse, found: Mapping[str, Fault]) -> list[CheckResult]:
    """Mends what is at fault, but for sources in Bronze, or has the run mend it; a finding for each table.

    A table that no contract describes is not ours: it is left alone.
    """
    return list(_healed(project, lakehouse, found.values()))


def reloaded(mended: Mapping[str, str]) -> list[CheckResult]:
    """A finding for each source in Bronze that was mended, and how."""
    return [_finding(name, "warn", 1, said) for name, said in mended.items()]


def undelivered(project: Project, lakehouse: Lakehouse, ingest: IngestResult) -> list[CheckResult]:
    """A finding for each source whose table in Bronze has rows that no delivery in the ledger brought, once
    everything was loaded: their file went before its entry was written.

    >>> undelivered(mh.project("shop"), mh.open("shop"), IngestResult())
    [CheckResult(table='bronze.shop_lines', ..., failures=4, ...)]
    """
    found = []
    for name, batches in loaded_into(project, ingest.batches).items():
        if name not in ingest.failures and (other := differing(lakehouse, name, batches)):
            rows = sum(other.values())
            why = f"{_counted(rows)} are of no delivery in {BATCHES}: the file went before it was entered, or"
            said = f"{why} another program wrote them. {RAW}"
            found.append(_finding(name, "error", rows, said))
    return found


def at_fault(project: Project, lakehouse: Lakehouse) -> list[CheckResult]:
    """A finding for each table that is not as mergehouse wrote it, and for each source of which Bronze has
    other rows than the ledger says. Rows are counted; nothing is mended.

    >>> at_fault(mh.project("shop"), mh.open("shop"))
    []
    """
    found, sources = faults(lakehouse, count_rows=True), loaded_into(project, [])
    results = [
        _finding(name, "error", 1, f"{_sentence(fault)} {_mend(fault)}")
        for name, fault in found.items()
        if find(name) or name in sources
    ]
    if BATCHES in found:
        return results
    ledger = read_batches(lakehouse)
    for name, batches in loaded_into(project, ledger).items():
        if name not in found and (other := differing(lakehouse, name, batches, exactly=True)):
            rows, wanted = sum(other.values()), sum(b.rows for b in batches if b.batch_id in other)
            why = f"Of {len(other):,} deliveries it has {rows:,} rows; {wanted:,} were loaded."
            results.append(_finding(name, "error", len(other), f"{why} {MEND}"))
    return results


def is_readable(lakehouse: Lakehouse) -> bool:
    """True where every table's log and data files can be read, whoever wrote them.

    >>> is_readable(mh.open("shop"))
    True
    """
    return all(fault.kind == "writer" for fault in faults(lakehouse).values())


def _healed(project: Project, lakehouse: Lakehouse, found: Iterable[Fault]) -> Iterator[CheckResult]:
    for fault in found:
        contract = find(fault.table)
        if contract is None:
            continue
        # what is exchanged row by row is built on what can be read
        starts_anew = is_built(contract) and contract.replaces not in ("rows", "slices")
        can_build = starts_anew and not is_left_out(contract, project)
        done = _put_back(lakehouse, fault) or (_built if can_build else _kept)(lakehouse, contract, fault)
        yield _finding(fault.table, "warn", 1, f"{_sentence(fault)} {done}")


def _put_back(lakehouse: Lakehouse, fault: Fault) -> str:
    """Empty where the last version that mergehouse wrote cannot be had."""
    if fault.kind != "writer" or not fault.ours:
        return ""
    try:
        types = types_of(lakehouse.delta(fault.table, fault.ours.version))
        restore(lakehouse, fault.table, fault.ours.version, fault.ours.stamp)
    except LakehouseError:
        return ""
    if types_of(lakehouse.delta(fault.table)) != types or faults(lakehouse, [fault.table]):
        return ""
    return f"Version {fault.ours.version}, the last that mergehouse wrote, is put back."


def _built(lakehouse: Lakehouse, contract: Contract, fault: Fault) -> str:
    """A table that Python computes partition by partition starts from nothing, or others' rows would stay."""
    if fault.kind == "log" or contract.computed_by:
        set_aside(lakehouse, fault.table)
    else:
        lakehouse.untrusted.add(fault.table)
    return "It is built again."


def _kept(lakehouse: Lakehouse, contract: Contract, fault: Fault) -> str:
    lakehouse.salvaged.add(fault.table)
    if fault.kind == "log":
        return f"What its data files hold is kept ({_counted(kept_rows(lakehouse, contract))})."
    if fault.kind == "files":
        without_lost_files(lakehouse, contract, fault)
        return f"What that held is lost ({_counted(fault.rows)}); the others are kept."
    return "What mergehouse wrote last cannot be put back, since its files are gone: it stays as it is."


def _finding(table: str, severity: Severity, failures: int, why: str) -> CheckResult:
    return CheckResult(table, "table_is_as_written", severity, failures, why)


def _counted(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def _sentence(fault: Fault) -> str:
    return f"{fault.said[0].upper()}{fault.said[1:]}."


def _mend(fault: Fault) -> str:
    contract = find(fault.table)
    if contract is None and fault.kind == "writer":
        return RAW
    return MEND
