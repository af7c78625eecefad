"""What folders of brands, and `mappings/`, have that nothing reads, files and columns, brands whose folder is
gone, settings that are said twice or of nothing, and what only pages would stumble over, as findings: a
misspelt name is a rule that does nothing, and a brand without a folder is in no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.ingest.bronze import IngestResult
from mergehouse.kpi.catalogue import brand_definitions
from mergehouse.kpi.targets import COLUMNS as TARGET_COLUMNS
from mergehouse.kpi.targets import FILE as TARGETS
from mergehouse.kpi.targets import target_rows
from mergehouse.project.annotations import COLUMNS as ANNOTATION_COLUMNS
from mergehouse.project.annotations import FILE as ANNOTATIONS
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.brand import Brand
from mergehouse.project.config import CONFIG_FILE, Project
from mergehouse.project.known_pairs import DECISION_COLUMNS, DECISIONS
from mergehouse.project.mapping_files import BRAND_FILES, GROUP_FILES, REMARKS, unread_columns
from mergehouse.project.validation import nearest_known
from mergehouse.project.yaml_file import read_yaml
from mergehouse.quality.checks import CheckResult
from mergehouse.transform.brand_files import brand_contracts, brand_file

KINDS = (".csv", ".sql", ".yml", ".yaml")  # of what configures a brand; others may lie there
TABLES = (".xlsx", ".xlsm", ".xls", ".ods", ".tsv", ".txt")  # that are called as what configures a brand
MAPPINGS = {
    **{f"{name}.csv": columns for name, columns in GROUP_FILES.items()},
    DECISIONS: DECISION_COLUMNS,
    TARGETS: TARGET_COLUMNS,
    ANNOTATIONS: ANNOTATION_COLUMNS,
}


def check_brand_folders(project: Project, ingest: IngestResult) -> list[CheckResult]:
    """A result for each brand, and for `mappings/`, which fails where the folder has files, or columns, that
    nothing reads, and for mergehouse.yml; a warning for each brand of which deliveries were loaded and there
    is no folder, and for what pages could not be made with: KPIs, targets and annotations.

    >>> project = mh.project("shop")
    >>> _ = (project.brands["shop"].folder / "line_type.csv").write_text("match,pattern,line_class")
    >>> check_brand_folders(project, IngestResult())[0].why
    '`line_type.csv` in shop/ is read by nothing; did you mean `line_types.csv`?'
    """
    found = [_unread(brand) for brand in project.brands.values() if not brand.fault]
    found.append(_unread_in(project.mappings_folder, "mappings", MAPPINGS))
    found += [_without_key(brand) for brand in project.brands.values() if not brand.fault]
    gone = {batch.source_system for batch in ingest.known if batch.rows} - project.brands.keys()
    gone -= {*project.config.former_brands}
    return [*found, _said_once(project), *_unusable(project)] + [
        CheckResult(
            f"{name}.folder",
            "brand_has_its_folder",
            "warn",
            1,
            f"`{name}` has delivered, and has no folder below brands/: it is in no figure. Put the folder"
            f" back; where that is meant, say so in {CONFIG_FILE}: `former_brands: [{name}]`.",
        )
        for name in sorted(gone)
    ]


def _said_once(project: Project) -> CheckResult:
    """Whether a key of mergehouse.yml is there twice, of which the later counts."""
    failures, why = 0, "Every key is there once."
    try:
        read_yaml(project.folder / CONFIG_FILE)
    except ConfigError as error:
        failures, why = 1, f"{error} The later counts; take one of them out."
    return CheckResult(CONFIG_FILE, "settings_are_said_once", "warn", failures, why)


def _unusable(project: Project) -> Iterator[CheckResult]:
    """What a run does not need, and who reads it later would refuse."""
    read: list[tuple[str, Callable[[], object], str]] = [
        (f"{brand.name}.folder", partial(brand_definitions, brand), "The report")
        for brand in project.brands.values()
        if not brand.fault
    ]
    read += [("mappings", partial(rows, project), "Dashboards") for rows in (target_rows, annotation_rows)]
    for table, rows, page in read:
        try:
            rows()
        except ConfigError as error:
            why = f"{error} {page} cannot be made until that is mended."
            yield CheckResult(table, "pages_can_be_made", "warn", 1, why)


def _without_key(brand: Brand) -> CheckResult:
    """Whether sources that give no order lines say what their versions are of."""
    without = [
        {"source": name, "key": key}
        for name, source in brand.sources.items()
        for key in ("updated_at", "deleted")
        if getattr(source, key) and not source.key
    ]
    lines = _give_lines(brand) if without else set()
    sample = [row for row in without if row["source"] not in lines]
    why = "What says which version counts, or that a row is gone, says of which row."
    if sample:
        why = (
            f"`{sample[0]['key']}` of sources.{sample[0]['source']} does nothing: without a `key` no row is a"
            " version of another. Name the columns that identify a row, `key`, in brand.yml."
        )
        if None in lines:
            why += (
                " Of order lines: which source a SELECT of order_lines.sql takes them from cannot be told."
                " Have a subquery or WITH hand on all columns of it, `SELECT *`, and join outside."
            )
    return CheckResult(f"{brand.name}.folder", "versions_have_a_key", "warn", len(sample), why, sample)


def _give_lines(brand: Brand) -> set[str | None]:
    """The sources that order lines come from, which all may be while the SQL cannot be read; None where that
    cannot be told of a SELECT.
    """
    from mergehouse.transform.brand_queries import origins_of  # which loads SQLGlot

    try:
        return origins_of(brand)
    except ConfigError:  # which holds the brand back, and is told so
        return {*brand.sources}


def _unread(brand: Brand) -> CheckResult:
    lists = [brand_file(brand, contract).name for contract in brand_contracts()]
    return _unread_in(brand.folder, f"{brand.name}.folder", dict(BRAND_FILES.values()), ["brand.yml", *lists])


def _unread_in(
    folder: Path, table: str, files: Mapping[str, Iterable[str]], others: Iterable[str] = ()
) -> CheckResult:
    """What of a folder nothing reads; `files` are the columns of mapping files there, `others` what else."""
    known = [*others, *files]
    stems = {name.split(".")[0] for name in known}
    names = sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in KINDS
        or (file.suffix.lower() in TABLES and file.name.split(".")[0].lower() in stems)
    )
    unread, columns = [name for name in names if name not in known], unread_columns(folder, files)
    why = "Every file in the folder is read."
    if columns:
        why = f"Column {columns[0]} is read by nothing, and has no effect. Remarks go into `{REMARKS}`."
    if unread:
        why = f"`{unread[0]}` in {folder.name}/ is read by nothing{nearest_known(unread[0], known)}"
    sample = [{"file": name} for name in unread] + [{"column": column} for column in columns]
    return CheckResult(table, "rule_files_are_read", "warn", len(sample), why, sample)
