"""The door: Typer commands, nothing else. Every command takes -C DIR; those that report take --json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mergehouse.errors import MergehouseError


class _Contents(TyperGroup):
    """Help as a table of contents: commands under their panels. Typer's own Rich panels cost 0.3 s of imports."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            panels.setdefault(command.rich_help_panel, []).append((name, command.get_short_help_str(90)))  # type: ignore[union-attr]
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


app = typer.Typer(
    cls=_Contents,
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
    help="The post-merger retail lakehouse: raw exports of merged retailers become one governed Delta lakehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Folder = Annotated[Path, typer.Option("--project", "-C", metavar="DIR", help="The project folder.")]
Env = Annotated[str | None, typer.Option("--env", envvar="MERGEHOUSE_ENV", metavar="NAME", help="One of the project's environments.")]
OneBrand = Annotated[str | None, typer.Option("--brand", metavar="NAME", help="One brand only.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
At = Annotated[str | None, typer.Option("--at", metavar="PATH|URL", help="Where the releases are, if not in the lakehouse.")]
HERE = Path()
releases = typer.Typer(
    cls=_Contents, rich_markup_mode=None, context_settings={"max_content_width": 110}, help="List releases, roll back, copy.",
    invoke_without_command=True,
)  # fmt: skip
app.add_typer(releases, name="releases", rich_help_panel="Release")
promotions = typer.Typer(
    cls=_Contents, rich_markup_mode=None, context_settings={"max_content_width": 110}, help="List what was promoted, roll back.",
    invoke_without_command=True,
)  # fmt: skip
app.add_typer(promotions, name="promotions", rich_help_panel="Release")
platform = typer.Typer(
    cls=_Contents, rich_markup_mode=None, context_settings={"max_content_width": 110}, no_args_is_help=True,
    help="Write definitions for Fabric and for Delta Sharing.",
)  # fmt: skip
app.add_typer(platform, name="platform", rich_help_panel="Release")
ApprovedBy = Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Who answers for it.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, or the number of a ticket.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from mergehouse import __version__

        typer.echo(f"mergehouse {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line. Errors become one message and an exit code."""
    try:
        sys.exit(app(standalone_mode=False))
    except MergehouseError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        _complain("stopped; the published tables are unharmed, run again to go on.")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if hasattr(error, "show"):  # a usage error, which click knows to show
            error.show()
            sys.exit(2)
        from mergehouse import console

        console.complain_unforeseen(error)
        sys.exit(1)


@app.command(rich_help_panel="Start")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the project.")],
    raw: Annotated[str | None, typer.Option(metavar="PATH|URL", help="Use the exports found here instead of raw/.")] = None,
) -> None:
    """Write a project with two worked brands."""
    from mergehouse.scaffold import write_project

    for line in write_project(folder, raw):
        typer.echo(line)
    typer.echo(f"Next: put exports under {folder}/raw, then `mergehouse run -C {folder}`")


@app.command(rich_help_panel="Start")
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A project folder.")],
    lines: Annotated[str, typer.Option(help="Order lines to generate: 200k, 10M.")] = "200k",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 2026,
    as_json: Json = False,
) -> None:
    """Generate exports with known truth to try it on."""
    from mergehouse import console
    from mergehouse.demo import generate
    from mergehouse.scaffold import line_count

    total = line_count(lines)
    with console.progress("Generating", total) as advance:
        truth = generate(folder, total, seed, advance)
    if as_json:
        typer.echo(json.dumps(truth, indent=2))
        return
    typer.echo(f"{total:,} order lines written under {folder / 'raw'}; what is true about them is in {folder / 'truth.json'}")


@app.command(rich_help_panel="Build")
def run(
    project: Folder = HERE,
    env: Env = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="TABLES", help="Only these: silver.sales_clean+, +gold.sales_daily, gold."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="LAYER", help="Stop after bronze, silver or gold.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Rebuild every table from Bronze, stale or not.")] = False,
    as_json: Json = False,
) -> None:
    """Load what was delivered and rebuild what is stale, up to Gold."""
    from mergehouse import console
    from mergehouse.pipeline import run as run_pipeline
    from mergehouse.pipeline import summary
    from mergehouse.project import load_project
    from mergehouse.quality.report import REPORT, write_report

    loaded = load_project(project, env)
    with console.steps(hidden=as_json) as step:
        result = run_pipeline(loaded, select, until, full, step, score=_scoring(loaded))
    report = write_report(loaded, result.kpis) if result.changed else f"{loaded.lakehouse_location}/{REPORT}"
    if as_json:
        typer.echo(json.dumps(summary(result), indent=2, default=str))
    else:
        console.print_run(loaded, result, report)
        if loaded.config.science and (lacking := _lacking()):
            typer.echo(f"Scores   not made: {lacking} (or set `science: false`)")
    raise typer.Exit(1 if result.failed else 0)


@app.command(rich_help_panel="Build")
def check(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Check every published table against its contract, building nothing."""
    from mergehouse import console
    from mergehouse.pipeline import check as check_pipeline
    from mergehouse.project import load_project

    results = check_pipeline(load_project(project, env))
    failed = [c for c in results if not c.passed]
    if as_json:
        typer.echo(json.dumps([vars(c) | {"passed": c.passed} for c in results], indent=2, default=str))
    else:
        typer.echo(f"{len(results):,} checks, {len(results) - len(failed):,} passed")
        console.print_findings(failed)
    raise typer.Exit(1 if any(c.stops_publication for c in results) else 0)


@app.command(rich_help_panel="Build")
def maintain(
    project: Folder = HERE,
    env: Env = None,
    keep_hours: Annotated[int, typer.Option(min=0, help="Keep what the last N hours of versions name.")] = 168,
    force: Annotated[bool, typer.Option("--force", help="Allow less than a week: nothing may be reading.")] = False,
    as_json: Json = False,
) -> None:
    """Compact the tables, remove files out of use, shorten the logs."""
    import mergehouse
    from mergehouse import console
    from mergehouse.maintenance import maintain as maintain_tables
    from mergehouse.pipeline import exclusive

    lakehouse = mergehouse.open(project, env)
    with exclusive(lakehouse), console.steps(hidden=as_json) as step:
        done = maintain_tables(lakehouse, keep_hours, force, lambda name: step("table", name, 0, 0))
    if as_json:
        typer.echo(json.dumps([vars(m) for m in done], indent=2))
        return
    for m in (m for m in done if m.removed or m.files_before != m.files_after):
        typer.echo(f"{m.table:<28} {m.files_before:>6,} files -> {m.files_after:,}; {m.removed:,} old files removed")
    freed = sum(m.removed_bytes for m in done)
    typer.echo(f"{len(done)} tables looked after, {freed / 2**20:,.1f} MB freed; time travel reaches back {keep_hours} hours")


@app.command(rich_help_panel="Read")
def query(
    sql: Annotated[str, typer.Argument(help='For example "SELECT * FROM gold.sales_daily".')],
    project: Folder = HERE,
    env: Env = None,
    output: Annotated[str, typer.Option("--format", metavar="FORMAT", help="table, csv, json or parquet.")] = "table",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write to a file; needed for parquet.")] = None,
) -> None:
    """Run one SELECT over all tables of the lakehouse."""
    import mergehouse
    from mergehouse.query import run_query

    text = run_query(mergehouse.open(project, env), sql, output, to)
    typer.echo(text, nl=not text.endswith("\n"))


@app.command(rich_help_panel="Read")
def kpi(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Print every KPI for the group and each brand."""
    import mergehouse
    from mergehouse import console
    from mergehouse.kpi.catalogue import as_json_values, compute

    values = compute(mergehouse.open(project, env))
    if as_json:
        typer.echo(json.dumps(as_json_values(values), indent=2))
    elif not values:
        raise _nothing_yet(project)
    else:
        console.print_kpis(values)


@app.command(rich_help_panel="Read")
def report(project: Folder = HERE, env: Env = None) -> None:
    """Write the quality report, one self-contained HTML page."""
    from mergehouse.project import load_project
    from mergehouse.quality.report import write_report

    typer.echo(write_report(load_project(project, env)))


@app.command(rich_help_panel="Read")
def profile(
    project: Folder = HERE,
    env: Env = None,
    layer: Annotated[str | None, typer.Option(metavar="LAYER", help="Only this one: bronze, silver or gold.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="Only this brand.")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Write the pages here instead of into the lakehouse.")] = None,
    as_json: Json = False,
) -> None:
    """Draw what is in the tables, when brands sell, who comes back."""
    from mergehouse import console
    from mergehouse.profile.pages import as_json as as_json_figures
    from mergehouse.profile.pages import write_pages
    from mergehouse.profile.profiling import profile as profile_tables
    from mergehouse.project import load_project

    loaded = load_project(project, env)
    with console.steps(hidden=as_json) as step:
        found = profile_tables(loaded, layer, brand, lambda what: step("profile", what, 0, 0))
    pages = write_pages(loaded, found, to)
    if as_json:
        typer.echo(json.dumps({"pages": pages} | as_json_figures(found), indent=2, default=str))
        return
    for page in pages:
        typer.echo(page)


@app.command(rich_help_panel="Read")
def docs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the pages.")] = Path("docs"),
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write the data dictionary and the KPI catalogue as Markdown."""
    from mergehouse.dictionary import write_pages
    from mergehouse.project import load_project

    for page in write_pages(folder, load_project(project, env)):
        typer.echo(page)


@app.command(rich_help_panel="Science")
def train(
    project: Folder = HERE,
    env: Env = None,
    brand: OneBrand = None,
    deep: Annotated[bool, typer.Option("--deep", help="Judge the sequence model, too (extra `deep`, some minutes).")] = False,
    as_json: Json = False,
) -> None:
    """Judge models against simple rules at past cut-off dates; keep the best."""
    from mergehouse import console

    loaded = _with_science(project, env, brand)
    from mergehouse.science.training import as_json as as_json_training
    from mergehouse.science.training import train as train_models

    with console.steps(hidden=as_json) as step:
        result = train_models(loaded, brand, lambda what: step("train", what, 0, 0), deep)
    if as_json:
        typer.echo(json.dumps(as_json_training(result), indent=2, default=str))
    else:
        console.print_training(result)
    for leak in result.leaks:
        console.complain(
            f"{leak.brand}, {leak.method} at {leak.cutoff}: AUC {leak.metrics['auc']:.3f} is too good to be true; no model was kept. "
            "A feature knows the future: look at what changed in models/gold/customer_features.sql."
        )
    raise typer.Exit(1 if result.leaks else 0)


@app.command(rich_help_panel="Science")
def score(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Score every customer anew where features or models have changed."""
    from mergehouse import console
    from mergehouse.pipeline import rescore, summary

    loaded = _with_science(project, env)
    with console.steps(hidden=as_json) as step:
        result = rescore(loaded, _scoring(loaded), step)
    if as_json:
        typer.echo(json.dumps(summary(result), indent=2, default=str))
    else:
        console.print_scores(loaded, result)
    raise typer.Exit(1 if result.failed else 0)


models = typer.Typer(rich_markup_mode=None, invoke_without_command=True, context_settings={"max_content_width": 110})
app.add_typer(models, name="models", rich_help_panel="Science")


@models.callback()
def list_models(
    context: typer.Context,
    project: Folder = HERE,
    env: Env = None,
    brand: OneBrand = None,
    as_json: Json = False,
) -> None:
    """List the models there are, and which one is in use."""
    if context.invoked_subcommand:
        return
    from mergehouse import console

    loaded = _with_science(project, env, brand)
    from mergehouse.science.registry import as_json as as_json_version
    from mergehouse.science.registry import versions

    found = versions(loaded, brand)
    if as_json:
        typer.echo(json.dumps([as_json_version(v) for v in found], indent=2))
    else:
        console.print_models(found)


@models.command("promote")
def promote_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model, as `mergehouse models` lists it.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version that scores shall come from.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; it is kept with the decision.")],
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Make a version the champion, whatever the backtest says."""
    loaded = _with_science(project, env)
    from mergehouse.science.promotion import promote_by_hand

    promote_by_hand(loaded, name, version, why)
    typer.echo(f"{name} version {version} is champion; the next scores come from it")


@app.command(rich_help_panel="Release")
def release(
    project: Folder = HERE,
    env: Env = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="X.Y.Z", help="Instead of the version that the changes ask for.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="PATH|URL", help="Where to, instead of into the lakehouse.")] = None,
    as_json: Json = False,
) -> None:
    """Export the Gold tables with a manifest, to be carried."""
    from mergehouse import console
    from mergehouse.project import load_project
    from mergehouse.release.export import release as make_release

    loaded = load_project(project, env)
    with console.steps(hidden=as_json) as step:
        made = make_release(loaded, version, to, lambda what: step("release", what, 0, 0))
    if as_json:
        manifest = made.manifest.model_dump(mode="json")
        place = {"root": made.root, "is_new": made.is_new, "manifest_sha256": made.manifest_sha256}
        typer.echo(json.dumps(place | {"manifest": manifest}, indent=2))
    else:
        console.print_release(made)


@releases.callback()
def list_releases(context: typer.Context, project: Folder = HERE, env: Env = None, at: At = None, as_json: Json = False) -> None:
    """List the releases there are, which is current, and more."""
    from mergehouse import console
    from mergehouse.release.export import releases_root
    from mergehouse.release.shelf import Shelf

    if context.invoked_subcommand:
        return
    found = Shelf(releases_root(project, env, at)).list()
    if as_json:
        typer.echo(json.dumps([vars(r) for r in found], indent=2, default=str))
    else:
        console.print_releases(found)


@releases.command(rich_help_panel="Commands")
def rollback(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    project: Folder = HERE,
    env: Env = None,
    at: At = None,
) -> None:
    """Make a release the current one again."""
    from mergehouse.release.export import releases_root
    from mergehouse.release.shelf import Shelf
    from mergehouse.release.version import Version

    shelf = Shelf(releases_root(project, env, at))
    before = shelf.current()
    shelf.point_at(Version.parse(version))
    typer.echo(f"{shelf.root}: current is {Version.parse(version)}" + (f", it was {before}" if before else ""))


@releases.command(rich_help_panel="Commands")
def copy(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    to: Annotated[str, typer.Option("--to", metavar="PATH|URL", help="Where to put it; it is current there.")],
    project: Folder = HERE,
    env: Env = None,
    at: At = None,
) -> None:
    """Copy one release to another place, byte for byte."""
    from mergehouse.release.export import releases_root
    from mergehouse.release.shelf import Shelf, copy_release
    from mergehouse.release.version import Version

    seal = copy_release(Shelf(releases_root(project, env, at)), Version.parse(version), Shelf(releases_root(project, env, to)))
    typer.echo(f"{to}: release {Version.parse(version)}, manifest {seal}")


@releases.command(rich_help_panel="Commands")
def fabric(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the items.")] = Path("fabric")) -> None:
    """Write the notebook and pipeline that ingest on Fabric."""
    from mergehouse.release.fabric import write_items

    for file in write_items(folder):
        typer.echo(file)


@app.command(rich_help_panel="Release")
def verify(
    root: Annotated[str, typer.Argument(metavar="PATH|URL", help="The folder above `gold`.")],
    version: Annotated[str | None, typer.Option("--version", metavar="X.Y.Z", help="Not the current one.")] = None,
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="SHA256", help="What the manifest's must be, by word of its sender.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a release that was carried: every file and figure."""
    from mergehouse import console
    from mergehouse.release.verify import verify as verify_release

    with console.steps(hidden=as_json) as step:
        found = verify_release(root, version, digest, lambda what: step("verify", what, 0, 0))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        console.print_verification(found)
    raise typer.Exit(0 if found.passed else 1)


@app.command(rich_help_panel="Release")
def ingest(
    root: Annotated[str, typer.Argument(metavar="PATH|URL", help="The folder above `gold`.")],
    lakehouse: Annotated[str, typer.Option("--lakehouse", metavar="DIR|URL", help="Tables go to Tables/ below it.")],
    version: Annotated[str | None, typer.Option("--version", metavar="X.Y.Z", help="Not the current one.")] = None,
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="SHA256", help="What the manifest's must be, by word of its sender.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a verified release into the Delta tables of a lakehouse."""
    from mergehouse import console
    from mergehouse.release.ingestion import ingest as ingest_release

    with console.steps(hidden=as_json) as step:
        result = ingest_release(root, lakehouse, version, digest, lambda what: step("ingest", what, 0, 0))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        console.print_ingestion(result)
    raise typer.Exit(1 if result.failed else 0)


@app.command(rich_help_panel="Release")
def compare(
    left: Annotated[str, typer.Argument(metavar="LAKEHOUSE_A", help="A path or URL.")],
    right: Annotated[str, typer.Argument(metavar="LAKEHOUSE_B", help="Another; a release may have come into it.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Write the report here: a page and JSON.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether two lakehouses hold the same: rows, KPIs, scores."""
    from mergehouse import console
    from mergehouse.release.compare import compare as compare_lakehouses
    from mergehouse.release.comparison import write_comparison

    with console.steps(hidden=as_json) as step:
        result = compare_lakehouses(left, right, lambda what: step("compare", what, 0, 0))
    pages = write_comparison(result, to) if to else []
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2, default=str))
    else:
        console.print_comparison(result, pages)
    raise typer.Exit(0 if result.aligned else 1)


@app.command(rich_help_panel="Release")
def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="An environment, such as dev.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The one after it, such as test.")],
    approved_by: ApprovedBy = "",
    note: Note = "",
    version: Annotated[str | None, typer.Option("--version", metavar="X.Y.Z", help="Not the current one.")] = None,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take a release into the next environment, through gates."""
    from mergehouse import console
    from mergehouse.release.promotion import promote as promote_release

    with console.steps(hidden=as_json) as step:
        done = promote_release(project, source, target, approved_by, note, version, lambda what: step("promote", what, 0, 0))
    _print_promotion(done, as_json)


@promotions.callback()
def list_promotions(context: typer.Context, project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """List every attempt to promote into an environment: who, when, what, refused by which gate."""
    import mergehouse
    from mergehouse import console
    from mergehouse.release.audit import promotions as audit_trail

    if context.invoked_subcommand:
        return
    trail = audit_trail(mergehouse.open(project, env))
    if as_json:
        typer.echo(json.dumps([row | {"gates": json.loads(row["gates"])} for row in trail], indent=2, default=str))
    else:
        console.print_promotions(trail)


@promotions.command("rollback", rich_help_panel="Commands")
def roll_back_promotion(
    target: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Such as prod.")],
    approved_by: ApprovedBy = "",
    note: Note = "",
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take an environment back to the release before."""
    from mergehouse import console
    from mergehouse.release.promotion import rollback as roll_back

    with console.steps(hidden=as_json) as step:
        done = roll_back(project, target, approved_by, note, lambda what: step("rollback", what, 0, 0))
    _print_promotion(done, as_json)


@platform.command(rich_help_panel="Commands")
def shortcuts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the request bodies.")] = Path("shortcuts"),
    connection: Annotated[str | None, typer.Option(metavar="ID", help="A cloud connection in Fabric; not within OneLake.")] = None,
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write OneLake shortcuts to the Gold tables, one a table."""
    import mergehouse
    from mergehouse.platform.shortcuts import write_shortcuts
    from mergehouse.release.export import released_contracts

    lakehouse = mergehouse.open(project, env)
    for file in write_shortcuts(folder, lakehouse.location, released_contracts(lakehouse), connection):
        typer.echo(file)


@platform.command(rich_help_panel="Commands")
def sharing(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the file.")] = Path("sharing"),
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write the configuration of a Delta Sharing server."""
    from mergehouse.lakehouse import Lakehouse
    from mergehouse.platform.sharing import FILE, sharing_config
    from mergehouse.project import load_project
    from mergehouse.release.export import released_contracts
    from mergehouse.storage import write_folder

    loaded = load_project(project, env)
    location = loaded.lakehouse_location
    text, left_out = sharing_config(loaded.config.name, location, released_contracts(Lakehouse(location)))
    for file in write_folder(folder, {FILE: text}):
        typer.echo(file)
    for table in left_out:
        typer.echo(f"not shared: {table}, it has a personal column")


@app.command(rich_help_panel="Help")
def doctor(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Say what this machine and project have, and what is missing."""
    from mergehouse.scaffold import diagnose

    findings = diagnose(project, env)
    if as_json:
        typer.echo(json.dumps([{"what": w, "ok": ok, "found": found} for w, ok, found in findings], indent=2))
    else:
        for what, ok, found in findings:
            typer.echo(f"{'ok     ' if ok else 'missing'}  {what:<22} {found}")
    raise typer.Exit(0 if all(ok for _, ok, _ in findings) else 2)


def _print_promotion(done: Any, as_json: bool) -> None:
    from mergehouse import console

    if as_json:
        typer.echo(json.dumps(done.as_json(), indent=2))
    else:
        console.print_promotion(done)
    raise typer.Exit(0 if done.accepted else 1)


def _complain(message: str) -> None:
    from mergehouse import console

    console.complain(message)


def _lacking() -> str:
    """What this Python lacks of what models need, in words; empty where nothing does."""
    from importlib.util import find_spec

    package = next((name for name in ("sklearn", "mlflow", "skops", "matplotlib", "shap") if find_spec(name) is None), "")
    return package and f"{package} is not installed; pip install 'mergehouse[science]' brings what models need"


def _scoring(project: Any) -> Any:
    """What scores customers, imported when it is needed: models are heavy. None where the project or this Python does without."""
    if not project.config.science or _lacking():
        return None

    def score(*arguments: Any) -> Any:
        from mergehouse.science.scoring import score

        return score(*arguments)

    return score


def _with_science(project: Path, env: str | None, brand: str | None = None) -> Any:
    """The project, where this Python has what models need, and the brand is one of its own."""
    from mergehouse.project import load_project

    loaded = load_project(project, env)
    if brand and brand not in loaded.brands:
        raise MergehouseError(f"--brand {brand}: expected one of {', '.join(loaded.brands)}.")
    if not loaded.config.science:
        raise MergehouseError(f"{loaded.folder}/mergehouse.yml says `science: false`: there are no features to train or score by.")
    if lacking := _lacking():
        raise MergehouseError(f"{lacking}.")
    return loaded


def _nothing_yet(project: Path) -> MergehouseError:
    return MergehouseError(f"nothing is published yet in {project}; `mergehouse run -C {project}` builds the tables.")
