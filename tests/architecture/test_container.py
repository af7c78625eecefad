"""The Containerfile, which is not built here: each line of it against what it speaks of."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet
from typer.main import get_command

from mergehouse.app import health
from mergehouse.cli.commands import app

ROOT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n", " ", (ROOT / "Containerfile").read_text(encoding="utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line.strip() and not line.startswith("#")]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# what `uv sync` of the project reads, and hatch_build.py
NEEDED = ("pyproject.toml", "uv.lock", "README.md", "LICENSE", "hatch_build.py", "src/mergehouse/__init__.py")


def said(instruction: str) -> list[str]:
    return [value for name, value in STEPS if name == instruction]


def test_both_stages_have_one_python_that_the_package_takes() -> None:
    """The environment names the interpreter of the stage that it was made in by its path."""
    images = [image.split()[0] for image in said("FROM")]
    assert len(images) == 2 and len(set(images)) == 1
    found = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim", images[0])
    assert found and SpecifierSet(SETTINGS["project"]["requires-python"]).contains(f"{found[1]}.0")
    assert STEPS[0][0] == "FROM" and said("FROM")[0].endswith(" AS build")


def test_what_the_build_reads_is_copied() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    frontend = [f"frontend/{name}" for name in ("bundle.py", "app.js", "package-lock.json")]
    assert "COPY . ." in LINES
    for name in (*NEEDED, *frontend):
        assert (ROOT / name).exists(), name
        parts = [name, *(str(folder) for folder in Path(name).parents if str(folder) != ".")]
        patterns = [pattern.removeprefix("**/") for pattern in ignored]
        assert not [p for p in patterns for part in parts if fnmatch.fnmatch(part, p)], name
    assert {".git", ".venv", "**/node_modules"} <= set(ignored)


def test_the_environment_is_that_of_the_lock_with_the_suite_alone() -> None:
    (sync,) = [line for line in said("RUN") if line.startswith("uv sync")]
    options = shlex.split(sync)
    assert {"--frozen", "--no-dev", "--no-editable"} <= set(options)
    extras = [after for option, after in zip(options, options[1:], strict=False) if option == "--extra"]
    assert extras == ["app"] and set(extras) <= set(SETTINGS["project"]["optional-dependencies"])
    (place,) = re.findall(r"UV_PROJECT_ENVIRONMENT=(\S+)", " ".join(said("ENV")))
    assert f"--from=build {place} {place}" in said("COPY") and f"PATH={place}/bin:$PATH" in said("ENV")[1]


def test_it_runs_as_nobody_of_rank_and_starts_with_options_that_there_are() -> None:
    (user,) = said("USER")
    assert int(user) >= 10_000 and f"useradd --uid {user}" in " ".join(said("RUN"))
    program, command, *options = json.loads(said("ENTRYPOINT")[0])
    assert program in SETTINGS["project"]["scripts"]
    serve = get_command(app).commands[command]  # type: ignore[attr-defined]
    known = {name for parameter in serve.params for name in parameter.opts}
    assert {option for option in options if option.startswith("-")} <= known
    assert said("VOLUME") == [options[options.index("-C") + 1]]
    order = [name for name, _ in STEPS]
    assert order.index("USER") < order.index("ENTRYPOINT") and said("STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_asks_what_answers() -> None:
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    (port,) = [parameter.default for parameter in serve.params if "--port" in parameter.opts]
    assert said("EXPOSE") == [str(port)]
    (check,) = said("HEALTHCHECK")
    program, option, code = json.loads(check[check.index("[") :])
    assert (program, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    (path,) = re.findall(rf"http://127\.0\.0\.1:{port}(/\w+)", code)
    assert path in {route.path for route in health.router.routes}  # type: ignore[attr-defined]


def test_the_manual_builds_and_runs_it() -> None:
    manual = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    (volume,), (user,), (port,) = said("VOLUME"), said("USER"), said("EXPOSE")
    build = "podman build --format docker -t mergehouse ."  # podman's own format has no HEALTHCHECK
    assert build in manual and build in LINES[0]
    assert f":{volume} " in manual and f"user {user}" in manual and f":{port}:{port} " in manual
