"""What of the deliveries nobody reads, what of them is in doubt, and whether a clock was, as findings."""

from __future__ import annotations

import datetime as dt

from mergehouse.ingest.bronze import BATCHES, IngestResult
from mergehouse.ingest.rereading import unlike_declared
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult

NAMED = 5  # in a finding


def check_files(project: Project, ingest: IngestResult) -> list[CheckResult]:
    """A result for each brand, which fails where it has files that no source reads; a warning for each brand
    whose exports' folder does not exist, for each table with deliveries that are doubtful, or not read as
    brand.yml says now, and where the clock was set back.

    >>> found = check_files(mh.project("shop"), IngestResult(unread={"shop": ["lines_3.pdf"]}))
    >>> found[0].table, found[0].check, found[0].why
    ('shop.files', 'every_file_is_read', 'No source reads lines_3.pdf ...')
    """
    unread = [_unread(name, ingest.unread.get(name, [])) for name in project.brands]
    gone = [_gone(project.brands[name]) for name in ingest.gone]
    doubtful = [_doubtful(table, files) for table, files in ingest.doubts.items()]
    otherwise = [_let_go(table, files) for table, files in ingest.let_go.items()]
    otherwise += [_unlike(table, files) for table, files in unlike_declared(project, ingest).items()]
    clock = [_clock_set_back(ingest, ingest.clock)] if ingest.clock else []
    return unread + gone + doubtful + otherwise + clock


def _unread(brand: str, names: list[str]) -> CheckResult:
    why = (
        f"No source reads {', '.join(names[:NAMED])}{_more(len(names))} in the folder of its exports."
        " Convert the file, name it in `files` of a source, or in `ignore` of the brand."
        if names
        else "Every file among its exports is read by a source, or ignored."
    )
    sample = [{"file": name} for name in names[:NAMED]]
    return CheckResult(f"{brand}.files", "every_file_is_read", "warn", len(names), why, sample)


def _gone(brand: Brand) -> CheckResult:
    why = (
        f"The folder of its exports, {brand.landing_zone}, does not exist, so that nothing new can come; what"
        " was loaded before counts on. Put it back, empty if need be, or say in brand.yml where it is: `raw`."
    )
    return CheckResult(f"{brand.name}.files", "exports_have_their_folder", "warn", 1, why)


def _doubtful(table: str, files: dict[str, list[str]]) -> CheckResult:
    said = [f"{file}: {', '.join(doubts)}" for file, doubts in files.items()]
    return CheckResult(
        table,
        "deliveries_are_sound",
        "warn",
        sum(map(len, files.values())),
        f"{'; '.join(said[:NAMED])}{_more(len(said))}.",
        [{"file": file, "doubt": doubt} for file, doubts in files.items() for doubt in doubts][:NAMED],
    )


def _let_go(table: str, files: list[str]) -> CheckResult:
    why = (
        f"Its source takes {', '.join(files[:NAMED])}{_more(len(files))} no more since brand.yml was changed:"
        " what was loaded of that does not count any more."
    )
    return _as_declared(table, files, why)


def _unlike(table: str, files: list[str]) -> CheckResult:
    why = (
        f"{', '.join(files[:NAMED])}{_more(len(files))} count as they were read before brand.yml was changed:"
        " to be read as it says now, they must lie among the exports again."
    )
    return _as_declared(table, files, why)


def _as_declared(table: str, files: list[str], why: str) -> CheckResult:
    sample = [{"file": file} for file in files[:NAMED]]
    return CheckResult(table, "deliveries_are_read_as_declared", "warn", len(files), why, sample)


def _clock_set_back(ingest: IngestResult, clock: dt.datetime) -> CheckResult:
    newest = max(batch.ingest_ts for batch in ingest.known)
    return CheckResult(
        BATCHES,
        "clock_goes_forward",
        "warn",
        1,
        f"The clock of this machine showed {clock:%Y-%m-%d %H:%M:%S} UTC, and an earlier delivery was loaded"
        f" at {newest:%Y-%m-%d %H:%M:%S}. What came now counts as the later, and has the time just after"
        " that. Set the clock right.",
    )


def _more(count: int) -> str:
    return f" and {count - NAMED} more" if count > NAMED else ""
