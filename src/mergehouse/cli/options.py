"""What commands share: the application, its groups of commands, and the options that mean the same
everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

PANELS = ("Start", "Build", "Read", "Dashboards", "Identity", "Science", "Release", "Help")  # in this order


class _Contents(TyperGroup):
    """Help as a table of contents: commands under their panels. Typer's own Rich panels cost 0.3 s of
    imports.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panel = command.rich_help_panel if command.rich_help_panel in PANELS else "Commands"  # of a group
            panels.setdefault(panel, []).append((name, command.get_short_help_str(90)))
        for panel, rows in panels.items():
            if not rows:  # of a group of commands
                continue
            with formatter.section(panel):
                formatter.write_dl(rows)


class _WithUsual(_Contents):
    """A group whose first command may be left out: what is none of its commands is that one's argument."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        usual = self.list_commands(ctx)[0]
        is_named = bool(args) and args[0] in (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [usual, *args])


def _commands(help: str, cls: type[TyperGroup] = _Contents, **options: Any) -> typer.Typer:
    """A group of commands that looks like all others."""
    return typer.Typer(
        cls=cls,
        rich_markup_mode=None,
        context_settings={"max_content_width": 110},
        help=help,
        **options,
    )


def _group(name: str, panel: str, help: str, **options: Any) -> typer.Typer:
    """A command of `app` with commands of its own."""
    group = _commands(help, **options)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


app = _commands(
    "The post-merger retail lakehouse: raw exports of merged retailers become one governed Delta lakehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rates = _group(
    "rates", "Build", "Say how new the euro rates are, or update them.", invoke_without_command=True
)
models = _group(
    "models", "Science", "List the models there are, and which one is in use.", invoke_without_command=True
)
releases = _group("releases", "Release", "List releases, roll back, copy.", invoke_without_command=True)
promotions = _group(
    "promotions", "Release", "List what was promoted, roll back.", invoke_without_command=True
)
platform = _group(
    "platform",
    "Release",
    "Write what Fabric, Databricks and Delta Sharing take; deploy it.",
    no_args_is_help=True,
)
products = _group(
    "products", "Identity", "Find categories for products, and items that brands share.", no_args_is_help=True
)
powerbi = _group("powerbi", "Release", "Write a Power BI project: semantic model and report.", cls=_WithUsual)
identity = _group(
    "identity", "Identity", "Find customers whom brands share, and decide.", invoke_without_command=True
)
users = _group("users", "Dashboards", "Say who may sign in to the dashboards.", no_args_is_help=True)

HERE = Path()
Folder = Annotated[Path, typer.Option("--project", "-C", metavar="DIR", help="The project folder.")]
Env = Annotated[
    str | None,
    typer.Option("--env", envvar="MERGEHOUSE_ENV", metavar="NAME", help="One of the project's environments."),
]
OneBrand = Annotated[str | None, typer.Option("--brand", metavar="NAME", help="One brand only.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Take the place of files that were edited since.")
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="PATH|URL", help="Where the releases are, if not in the lakehouse."),
]
ApprovedBy = Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Who answers for it.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, or the number of a ticket.")]
Carried = Annotated[str, typer.Argument(metavar="PATH|URL", help="The folder above `gold`.")]
OtherVersion = Annotated[str | None, typer.Option("--version", metavar="X.Y.Z", help="Not the current one.")]
Digest = Annotated[
    str | None,
    typer.Option("--digest", metavar="SHA256", help="What the manifest's must be, by word of its sender."),
]
