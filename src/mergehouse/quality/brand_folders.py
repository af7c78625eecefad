"""What folders of brands have that nothing reads, and brands whose folder is gone, as findings: a misspelt
name is a rule that does nothing, and a brand without a folder is in no figure.
"""

from __future__ import annotations

from mergehouse.ingest.bronze import IngestResult
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import BRAND_FILES
from mergehouse.project.validation import nearest_known
from mergehouse.quality.checks import CheckResult
from mergehouse.transform.brand_files import brand_contracts, brand_file

KINDS = (".csv", ".sql", ".yml", ".yaml")  # of what configures a brand; others may lie there


def check_brand_folders(project: Project, ingest: IngestResult) -> list[CheckResult]:
    """A result for each brand, which fails where its folder has files that nothing reads; a warning for each
    of which deliveries were loaded and there is no folder.

    >>> project = mh.project("shop")
    >>> _ = (project.brands["shop"].folder / "line_type.csv").write_text("match,pattern,line_class")
    >>> check_brand_folders(project, IngestResult())[0].why
    '`line_type.csv` in the folder of the brand is read by nothing; did you mean `line_types.csv`?'
    """
    found = [_unread(brand) for brand in project.brands.values() if not brand.fault]
    gone = {batch.source_system for batch in ingest.known if batch.rows} - project.brands.keys()
    return found + [
        CheckResult(
            f"{name}.folder",
            "brand_has_its_folder",
            "warn",
            1,
            f"`{name}` has delivered, and has no folder below brands/: it is in no figure. Put the folder"
            " back, or see that it is meant.",
        )
        for name in sorted(gone)
    ]


def _unread(brand: Brand) -> CheckResult:
    lists = [brand_file(brand, contract).name for contract in brand_contracts()]
    known = ["brand.yml", *lists, *(file for file, _ in BRAND_FILES.values())]
    names = sorted(file.name for file in brand.folder.iterdir() if file.suffix.lower() in KINDS)
    unread = [name for name in names if name not in known]
    why = (
        f"`{unread[0]}` in the folder of the brand is read by nothing{nearest_known(unread[0], known)}"
        if unread
        else "Every file in the folder of the brand is read."
    )
    sample = [{"file": name} for name in unread]
    return CheckResult(f"{brand.name}.folder", "rule_files_are_read", "warn", len(unread), why, sample)
