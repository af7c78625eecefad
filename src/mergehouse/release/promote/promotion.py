"""Promotion: the release of one environment, byte for byte, into the next, through gates, with the evidence
kept.

An environment takes releases from the one before it in mergehouse.yml, and nothing that this one has not
taken itself. What was tried is in `monitor.promotions` of the target, which Delta keeps from being changed:
every attempt, also those refused, and by which gate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mergehouse.errors import MergehouseError
from mergehouse.json_text import json_text
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.reader import limited
from mergehouse.progress import Progress, silent
from mergehouse.project.config import CONFIG_FILE, Project, load_project
from mergehouse.project.settings import Limits
from mergehouse.release.compare.compare import Comparison, compare_sides
from mergehouse.release.compare.page import comparison_page
from mergehouse.release.compare.sides import Side, lakehouse_side, release_side
from mergehouse.release.load import REPORTS, ingest
from mergehouse.release.manifest.manifest import Manifest
from mergehouse.release.manifest.seal import CURRENT, RELEASES
from mergehouse.release.manifest.version import Version
from mergehouse.release.promote import gates
from mergehouse.release.promote.audit_trail import Promotion, promotions, record, taken_releases
from mergehouse.release.promote.gates import CARD_PAGES, CARDS, Gate, gate
from mergehouse.release.store import Shelf, copy_release
from mergehouse.release.verify import carried, verify_folder
from mergehouse.storage import RECEIVED, fabric_root, storage_errors


class Deployment(Protocol):
    """Items that went from one stage to the next."""

    @property
    def operation(self) -> str: ...

    @property
    def items(self) -> int: ...


class DeploymentPipelines(Protocol):
    """Brings a platform's own items along, stages given by name. Raises MergehouseError where it cannot."""

    def deploy(self, pipeline: str, source: str, target: str, note: str) -> Deployment: ...


def promote(
    folder: Path | str,
    source: str,
    target: str,
    approved_by: str = "",
    note: str = "",
    version: str | None = None,
    progress: Progress = silent,
    fabric: Callable[[], DeploymentPipelines | None] = lambda: None,
) -> Promotion:
    """Takes the source's current release, or `version`, into the target, if every gate lets it pass; else the
    target is as it was.

    `fabric` gives what drives deployment pipelines, or None where no credentials are set.
    Raises ConfigError on an environment that is not declared, MergehouseError where source and target are one
    place, LakehouseError where there is no release or the target cannot be written.
    """
    here, there = load_project(folder, source), load_project(folder, target)
    if here.lakehouse_location == there.lakehouse_location:
        raise MergehouseError(
            f"{Path(folder) / CONFIG_FILE}: environments.{source} and .{target} have the same lakehouse,"
            f" {there.lakehouse_location}. Give {target} its own."
        )
    shelf = Shelf(f"{here.lakehouse_location}/release")
    wanted = Version.parse(version) if version else shelf.current()
    if wanted is None:
        first = next(iter(here.config.environments))
        todo = (
            f"`mergehouse release --env {source}` makes one"
            if source == first
            else f"promote one into {source} first"
        )
        raise MergehouseError(f"{shelf.root}: there is no release to promote; {todo}.")
    lakehouse = Lakehouse(there.lakehouse_location)
    with (
        exclusive(lakehouse, "promote", progress=progress),
        republishing(lakehouse),
        carried(shelf.root, str(wanted), progress) as files,
    ):
        work = _Work(there, target, progress)
        progress("verification")
        found = verify_folder(files, shelf.root, str(wanted), None, progress)
        attempt = work.attempt("promote", source, str(wanted), found.manifest_sha256, approved_by, note)
        attempt.gates += [
            gates.approval(approved_by, note),
            _order(here, source, target),
            gate("chain", lambda: _chain(here, source, str(wanted), found.manifest_sha256)),
            gates.verification(found),
        ]
        cards: list[str] = []
        if found.manifest and found.passed:
            card_gate, cards = _model_card(found.manifest, Lakehouse(here.lakehouse_location))
            attempt.gates += [
                gates.quality(found.manifest),
                gates.row_level_security(found.manifest),
                card_gate,
            ]
        if not attempt.accepted or found.manifest is None:
            return work.end(attempt)
        work.record(attempt, "started")
        manifest = found.manifest
        work.through(
            attempt,
            ("copy", lambda: work.copy(shelf, wanted, found.manifest_sha256)),
            ("ingestion", lambda: work.ingest(manifest.version, found.manifest_sha256)),
            ("alignment", lambda: work.align(files, manifest)),
            ("cards", lambda: work.carry_cards(Lakehouse(here.lakehouse_location), cards, manifest.version)),
            ("deployment", lambda: work.deploy(source, attempt, fabric)),
        )
        return work.end(attempt)


def rollback(
    folder: Path | str,
    target: str,
    approved_by: str = "",
    note: str = "",
    progress: Progress = silent,
) -> Promotion:
    """Takes an environment back to the release that it had before the current one. The items of a deployment
    pipeline stay as they are.

    Raises MergehouseError where it has taken none before.
    """
    there = load_project(folder, target)
    lakehouse = Lakehouse(there.lakehouse_location)
    with exclusive(lakehouse, "promotions rollback", progress=progress), republishing(lakehouse):
        work = _Work(there, target, progress)
        if len(work.taken) < 2:
            had = (
                f"it has only taken {work.taken[-1]['release_version']}"
                if work.taken
                else "it has taken none"
            )
            raise MergehouseError(f"{there.lakehouse_location}: there is no release to go back to: {had}.")
        version, seal = (work.taken[-2][name] for name in ("release_version", "manifest_sha256"))
        with carried(work.shelf.root, version, progress) as files:
            found = verify_folder(files, work.shelf.root, version, seal, progress)
            attempt = work.attempt("rollback", target, version, seal, approved_by, note)
            attempt.gates += [gates.approval(approved_by, note), gates.verification(found)]
            if not attempt.accepted or found.manifest is None:
                return work.end(attempt)
            work.record(attempt, "started")
            manifest = found.manifest
            work.through(
                attempt,
                ("copy", lambda: work.point_at(version)),
                ("ingestion", lambda: work.ingest(version, seal)),
                ("alignment", lambda: work.align(files, manifest)),
            )
            return work.end(attempt)


class _Work:
    """What is done to one environment's lakehouse."""

    def __init__(self, project: Project, environment: str, progress: Progress):
        self.project, self.environment, self.progress = project, environment, progress
        self.location = project.lakehouse_location
        self.lakehouse = Lakehouse(self.location, newest=True)
        self.shelf = Shelf(f"{self.location}/release")
        self.taken = taken_releases(promotions(self.lakehouse))

    def attempt(
        self, action: str, source: str, version: str, seal: str, approved_by: str, note: str
    ) -> Promotion:
        previous = self.taken[-1]["release_version"] if self.taken else None
        return Promotion(
            action, source, self.environment, version, seal, approved_by.strip(), note.strip(), previous, []
        )

    def through(self, attempt: Promotion, *stages: tuple[str, Callable[[], Gate]]) -> None:
        """One stage after the other. Where one fails the target goes back to the release it had."""
        for name, stage in stages:
            self.progress(name)
            attempt.gates.append(gate(name, stage))
            if not attempt.accepted:
                attempt.gates.append(gate("return", lambda: self._return(attempt)))
                return

    def copy(self, source: Shelf, version: Version, seal: str) -> Gate:
        copied = copy_release(source, version, self.shelf)
        if copied != seal:
            return Gate(
                "copy",
                False,
                f"the manifest was changed meanwhile: it is {copied[:12]}... instead of {seal[:12]}....",
            )
        return Gate("copy", True, f"the same bytes, manifest {seal}.")

    def carry_cards(self, source: Lakehouse, cards: list[str], version: str) -> Gate:
        """Model cards go along, into a folder for the release: they are still there after a rollback to
        it.
        """
        there = set(gates.keys(source, f"{CARDS}/"))
        pages = [page for card in cards for suffix in CARD_PAGES if (page := f"{card}.{suffix}") in there]
        with storage_errors(self.location):
            for page in pages:
                name = page.rpartition("/")[2]
                self.lakehouse.store.put(
                    f"{CARDS}/v{version}/{name}", source.store.get(page).bytes().to_bytes()
                )
        return Gate("cards", True, f"{len(pages)} pages." if pages else "none to carry.")

    def point_at(self, version: str) -> Gate:
        self.shelf.point_at(Version.parse(version))
        return Gate("copy", True, "the release is still there.")

    def ingest(self, version: str, seal: str) -> Gate:
        result = ingest(self.shelf.root, fabric_root(self.location), version, seal, self.progress)
        if result.failed:
            failed = [f"{t.table}: {t.message}" for t in result.tables if t.status == "failed"]
            faults = [
                f"{fault.where}: {fault.message}" for fault in [*result.verification.faults, *result.faults]
            ]
            return Gate("ingestion", False, " ".join((failed + faults)[:3]))
        return Gate(
            "ingestion", True, f"{len(result.tables)} tables, {sum(t.rows for t in result.tables):,} rows."
        )

    def align(self, files: Path, manifest: Manifest) -> Gate:
        """The tables as readers see them now, against the release's files. The report goes to the reports of
        the target.
        """
        with limited(Limits()) as connection:
            released = release_side(connection, "a", files, manifest, self.shelf.root)
            found = lakehouse_side(connection, "b", self.location, (RECEIVED,))
            tables = {name: types for name, types in found.tables.items() if name in released.tables}
            result = compare_sides(
                connection, released, Side(found.schema, found.location, tables), self.progress
            )
        self._report(result, manifest.version)
        if not result.aligned:
            first = result.differences[0]
            return Gate(
                "alignment",
                False,
                f"{len(result.differences):,} differences; {first.what} of {first.where}: {first.message}",
            )
        sampled = sum(table.sampled for table in result.tables)
        return Gate(
            "alignment", True, f"{len(result.tables)} tables are the release's, {sampled:,} keys looked up."
        )

    def deploy(
        self, source: str, attempt: Promotion, fabric: Callable[[], DeploymentPipelines | None]
    ) -> Gate:
        """The items of Fabric - notebook, pipeline, semantic model, report - from stage to stage; the data is
        not among them.
        """
        settings = self.project.config.fabric
        if settings is None or source not in settings.stages or self.environment not in settings.stages:
            return Gate("deployment", True, "no deployment pipeline is configured for these environments.")
        api = fabric()
        if api is None:
            return Gate("deployment", True, "no credentials of Fabric are set: deploy the items by hand.")
        note = (
            f"{attempt.approved_by}: {attempt.note} (release {attempt.version}, manifest"
            f" {attempt.manifest_sha256[:12]})"
        )
        done = api.deploy(
            settings.deployment_pipeline, settings.stages[source], settings.stages[self.environment], note
        )
        return Gate("deployment", True, f"{done.items} items by operation {done.operation}.")

    def end(self, attempt: Promotion) -> Promotion:
        self.record(attempt, "accepted" if attempt.accepted else "refused")
        return attempt

    def record(self, attempt: Promotion, outcome: str) -> None:
        record(self.lakehouse, attempt, outcome)

    def _return(self, attempt: Promotion) -> Gate:
        """Back to the release that the target had."""
        if not self.taken:
            pointer = f"release/{RELEASES}/{CURRENT}"
            with storage_errors(self.location):
                self.lakehouse.store.delete(
                    [key for key in gates.keys(self.lakehouse, f"release/{RELEASES}/") if key == pointer]
                )
            reached = any(found.name == "ingestion" for found in attempt.gates)
            words = "tables hold what was refused until one is taken" if reached else "no table was touched"
            return Gate("return", True, f"there was no release before: none is current, {words}.")
        version, seal = (self.taken[-1][name] for name in ("release_version", "manifest_sha256"))
        self.shelf.point_at(Version.parse(version))
        restored = self.ingest(version, seal)
        return Gate(
            "return",
            restored.passed,
            f"release {version} is current again." if restored.passed else restored.found,
        )

    def _report(self, result: Comparison, version: str) -> None:
        root = Lakehouse(fabric_root(self.location))
        with storage_errors(root.location):
            root.store.put(f"{REPORTS}/alignment-v{version}.html", comparison_page(result).encode())
            root.store.put(
                f"{REPORTS}/alignment-v{version}.json",
                json_text(result.as_json(), indent=1).encode(),
            )


def _order(project: Project, source: str, target: str) -> Gate:
    """An environment takes releases from the one written before it in mergehouse.yml."""
    names = list(project.config.environments)
    before = names[names.index(target) - 1] if names.index(target) else None
    if source == before:
        return Gate("order", True, f"{' -> '.join(names)}.")
    rule = (
        f"{target} takes releases from {before}"
        if before
        else f"{target} is where releases are made and takes none"
    )
    return Gate(
        "order", False, f"{rule}, by the order of environments in {CONFIG_FILE}: {' -> '.join(names)}."
    )


def _chain(project: Project, source: str, version: str, seal: str) -> Gate:
    """The source has taken this very release itself and has not gone back from it; the first environment has
    made it.
    """
    if source == next(iter(project.config.environments)):
        return Gate("chain", True, f"{source} has made it.")
    taken = taken_releases(promotions(Lakehouse(project.lakehouse_location)))
    if not taken:
        return Gate("chain", False, f"{source} has taken no release yet: promote it there first.")
    now = taken[-1]
    if (now["release_version"], now["manifest_sha256"]) == (version, seal):
        return Gate(
            "chain",
            True,
            f"{source} took it on {now['recorded_ts']:%Y-%m-%d}, approved by {now['approved_by']}.",
        )
    has = f"{now['release_version']} with manifest {now['manifest_sha256'][:12]}..."
    return Gate(
        "chain", False, f"{source} has taken {has}; this is {version} with manifest {seal[:12] or 'none'}...."
    )


def _model_card(manifest: Manifest, source: Lakehouse) -> tuple[Gate, list[str]]:
    try:
        return gates.model_card(manifest, source)
    except MergehouseError as error:
        return Gate("model_card", False, str(error)), []
