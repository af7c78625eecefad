"""What of the deliveries nobody reads, and what of them is in doubt, as findings."""

from __future__ import annotations

from mergehouse.ingest.bronze import IngestResult
from mergehouse.quality.checks import CheckResult

NAMED = 5  # in a finding


def check_files(ingest: IngestResult) -> list[CheckResult]:
    """A warning for each brand with files that no source reads, and for each table with doubtful deliveries.

    >>> found = check_files(IngestResult(unread={"shop": ["lines_3.pdf"]}))
    >>> found[0].table, found[0].check, found[0].why
    ('shop.files', 'every_file_is_read', 'No source reads lines_3.pdf ...')
    """
    unread = [
        CheckResult(
            f"{brand}.files",
            "every_file_is_read",
            "warn",
            len(names),
            f"No source reads {', '.join(names[:NAMED])}{_more(len(names))} in the folder of its exports."
            " Convert the file, name it in `files` of a source, or in `ignore` of the brand.",
            [{"file": name} for name in names[:NAMED]],
        )
        for brand, names in ingest.unread.items()
    ]
    return unread + [_doubtful(table, files) for table, files in ingest.doubts.items()]


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


def _more(count: int) -> str:
    return f" and {count - NAMED} more" if count > NAMED else ""
