"""What `init` writes for others to run: the GitHub workflows, step by step as a runner does, and the Airflow
DAG.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop
from typer.main import get_command

from mergehouse.cli.commands import app
from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.project.templates import TEMPLATES

LONG = pytest.mark.long("each step starts the command anew")

WORKFLOWS = {
    name: TEMPLATES / ".github" / "workflows" / f"mergehouse-{name}.yml"
    for name in ("checks", "release", "promote")
}
DAG = TEMPLATES / "dags" / "mergehouse_release.py"
PYTHON_OF_AIRFLOW = os.environ.get("MERGEHOUSE_AIRFLOW_PYTHON", "")


def read(name: str) -> dict[str, Any]:
    content = yaml.safe_load(WORKFLOWS[name].read_text())
    return content | {"on": content.pop(True)}  # YAML 1.1 reads the key `on` as a boolean


def only_job(name: str) -> dict[str, Any]:
    (job,) = read(name)["jobs"].values()
    return job


@dataclass
class Runner:
    """Runs the shell steps of a workflow's job in `folder`, as a GitHub runner does: bash -e, step outputs,
    the summary.

    `known` holds the values of expressions, by their text; one that is not there is an error. Steps that only
    call an action are left out, and so is the installation.
    """

    folder: Path
    known: dict[str, str]
    ran: list[str] = field(default_factory=list)
    failed: str = ""
    log: str = ""

    def run(self, name: str) -> Runner:
        job = only_job(name)
        surroundings = self._evaluated(job["env"])
        for step in job["steps"]:
            self._learn(step)
            if "run" not in step or step["name"] == "Install" or not self._wanted(step):
                continue
            self.ran.append(step["name"])
            assert "${{" not in step["run"], (
                f"{step['name']}: an expression in a script runs what a stranger writes; pass it by `env`"
            )
            if not self._bash(step, surroundings | self._evaluated(step.get("env", {}))):
                self.failed = step["name"]
                break
        return self

    @property
    def summary(self) -> str:
        return (self.folder / ".runner" / "summary").read_text()

    def _bash(self, step: dict[str, Any], surroundings: dict[str, str]) -> bool:
        state = self.folder / ".runner"
        output = state / "output"
        output.write_text("")
        (state / "summary").touch()
        files = {
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(state / "summary"),
            "PATH": f"{state / 'bin'}:{os.environ['PATH']}",
        }
        of_run = {"GITHUB_REPOSITORY": "group/retail", "GITHUB_RUN_ID": "7", "GITHUB_ACTOR": "octocat"}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder, env=os.environ | files | of_run | surroundings, capture_output=True, text=True,
        )  # fmt: skip
        self.log += done.stdout + done.stderr
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            self.known[f"steps.{step['id']}.outputs.{key}"] = value
        return done.returncode == 0

    def _learn(self, step: dict[str, Any]) -> None:
        """Every expression of an action's inputs must have a value, even where the action is left out."""
        if "uses" in step and "azure" not in step["uses"] and self._wanted(step):
            self._evaluated({k: v for k, v in step.get("with", {}).items() if isinstance(v, str)})

    def _wanted(self, step: dict[str, Any]) -> bool:
        condition = str(step.get("if", "true")).removeprefix("${{ ").removesuffix(" }}")
        return condition in ("true", "!cancelled()") or self.known[condition] == "true"

    def _evaluated(self, texts: dict[str, Any]) -> dict[str, str]:
        return {
            key: re.sub(r"\$\{\{ (.*?) \}\}", lambda m: self.known[m[1]], str(text))
            for key, text in texts.items()
        }


def command(folder: Path, name: str, script: str) -> None:
    """Puts a command on the runner's PATH, in the place of one that is there."""
    file = folder / ".runner" / "bin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Callable[..., Runner]:
    write_project(tmp_path)
    command(
        tmp_path,
        "mergehouse",
        f'exec {sys.executable} -c "from mergehouse.cli.main import main; main()" "$@"',
    )
    return lambda **known: Runner(
        tmp_path, {key.replace("__", "."): value for key, value in known.items()} | AZURE
    )


def without_science(actions: Runner) -> Runner:
    """Models, which one of the workflows makes, take most of the time of all."""
    config = actions.folder / "mergehouse.yml"
    assert "science: true" in config.read_text()
    config.write_text(config.read_text().replace("science: true", "science: false"))
    return actions


AZURE = {"secrets.AZURE_CLIENT_ID != ''": "false", "env.AZURE_USE_AZURE_CLI == 'true'": "false"}


@LONG
def test_a_change_is_built_released_and_ingested(runner: Callable[..., Runner]) -> None:
    done = runner().run("checks")
    assert not done.failed, done.log
    assert done.ran == [
        "Copy the configuration", "Bring exports", "Build every table", "Check every contract",
        "Release and verify", "Ingest, twice",
        "Write the documentation", "Summary",
    ]  # fmt: skip
    assert "GMV" in done.summary and "1.0.0" in done.summary
    made = done.folder / "dry-run"
    for kept in (
        "lakehouse/report.html",
        "docs/kpis.md",
        "release/gold/_releases/v1.0.0/release_manifest.json",
    ):
        assert (made / kept).is_file()
    assert not (done.folder / "lakehouse").exists()  # the project's own tables are not touched


@LONG
def test_brands_of_ones_own_are_checked_with_samples(runner: Callable[..., Runner], shop: Shop) -> None:
    actions = without_science(runner())
    # what a pull request must not read
    shop.configure("raw: abfss://retail@elsewhere.dfs.core.windows.net/raw\n" + SHOP_BRAND)
    shutil.rmtree(actions.folder / "brands")
    shutil.copytree(shop.folder / "brands", actions.folder / "brands")
    samples = actions.folder / "samples" / "shop" / "lines.csv"
    samples.parent.mkdir(parents=True)
    samples.write_text(f"{SHOP_HEADER}\nA1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR\n")
    actions.run("checks")
    assert not actions.failed, actions.log
    assert "10.00" in actions.summary
    assert not (actions.folder / "dry-run" / "truth.json").exists()  # no demonstration exports


@LONG
def test_a_broken_brand_stops_the_checks_and_is_named(runner: Callable[..., Runner]) -> None:
    actions = without_science(runner())
    sql = actions.folder / "brands" / "contoso" / "products.sql"
    sql.write_text(sql.read_text().replace("product_code", "produkt_code"))
    actions.run("checks")
    assert (
        actions.failed == "Build every table"
        and "products.sql" in actions.log
        and "produkt_code" in actions.log
    )


@LONG
def test_dev_is_released_verified_and_packed(runner: Callable[..., Runner]) -> None:
    actions = without_science(runner(inputs__version="", inputs__carry="true"))
    generate(actions.folder, 3_000, 7)
    actions.run("release")
    assert not actions.failed, actions.log
    version, digest = (actions.known[f"steps.release.outputs.{name}"] for name in ("version", "digest"))
    assert version == "1.0.0" and digest in actions.summary
    sealed = actions.folder / "carry" / "gold" / "_releases" / "v1.0.0" / "_SUCCESS"
    assert sealed.read_text().split()[0] == digest
    again = runner(inputs__version="2.1.0", inputs__carry="false").run("release")
    assert again.known["steps.release.outputs.version"] == "2.1.0" and "Pack the release" not in again.ran


APPROVED = '[{"state": "approved", "user": {"login": "hubot"}, "environments": [{"name": "%s"}]}]'


@pytest.mark.parametrize(
    ("reviews", "named", "who"),
    [
        (APPROVED % "test", "", "hubot"),
        (APPROVED % "test", "somebody", "hubot"),  # a review counts more than what is typed in
        (APPROVED.replace("approved", "rejected") % "test", "", None),
        (APPROVED % "prod", "", None),  # of another environment
        ("[]", "", None),
        ("[]", "octocat", None),  # who starts the run does not approve it
        ("[]", "Jane Doe", "Jane Doe (named by octocat)"),
    ],
)
def test_nothing_is_promoted_without_somebody_who_approved(
    runner: Callable[..., Runner], reviews: str, named: str, who: str | None
) -> None:
    actions = promotion(runner, reviews, named, note="looked at $(touch owned); it's fine")
    command(actions.folder, "mergehouse", 'printf "%s\\n" "$@" > promoted')
    actions.run("promote")
    assert actions.failed == ("" if who else "Who approved"), actions.log
    promoted = actions.folder / "promoted"
    if who is None:
        assert not promoted.exists() and "required reviewers" in actions.log
    else:
        expected = [
            "promote",
            "dev",
            "test",
            "--approved-by",
            who,
            "--note",
            "looked at $(touch owned); it's fine",
        ]
        assert promoted.read_text().splitlines() == expected and who in actions.summary
    assert not (actions.folder / "owned").exists()


@LONG
def test_a_release_is_promoted(runner: Callable[..., Runner]) -> None:
    released = without_science(runner(inputs__version="", inputs__carry="false"))
    generate(released.folder, 3_000, 7)
    assert not released.run("release").failed, released.log
    done = promotion(runner, APPROVED % "test", "", note="figures agree with finance").run("promote")
    assert not done.failed, done.log


def promotion(runner: Callable[..., Runner], reviews: str, named: str, note: str) -> Runner:
    actions = runner(inputs__to="test", inputs__note=note, inputs__approved_by=named, github__token="secret")
    actions.known["inputs.to == 'prod' && 'test' || 'dev'"] = "dev"
    command(
        actions.folder,
        "gh",
        f"""[ "$2" = repos/group/retail/actions/runs/7/approvals ] && echo '{reviews}'""",
    )
    return actions


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_pin_actions_and_ask_for_little(name: str) -> None:
    content, text = read(name), WORKFLOWS[name].read_text()
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses and all(
        re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used) and re.fullmatch(r" # v\d+\.\d+\.\d+", tag)
        for used, tag in uses
    )
    written = {right for right, level in content["permissions"].items() if level == "write"}
    assert written <= {"id-token"} and content["permissions"]["contents"] == "read"
    assert "pull_request_target" not in content["on"] and "timeout-minutes" in only_job(name)
    checkout = only_job(name)["steps"][0]
    assert (
        checkout["uses"].startswith("actions/checkout@") and checkout["with"]["persist-credentials"] is False
    )
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_SUBSCRIPTION_ID",
    }


def test_the_checks_see_no_secret() -> None:
    assert (
        read("checks")["permissions"] == {"contents": "read"}
        and "secrets." not in WORKFLOWS["checks"].read_text()
    )


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
@LONG
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS.values())], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def commands_in_workflows() -> list[list[str]]:
    scripts = "\n".join(step.get("run", "") for name in WORKFLOWS for step in only_job(name)["steps"])
    return [line.split()[1:] for line in re.findall(r"^\s*mergehouse .*$", scripts, re.MULTILINE)]


def commands_in_dag() -> list[list[str]]:
    """The literal words of every call of `mergehouse(...)`, and of lists that are unpacked into one."""
    calls = [
        node
        for node in ast.walk(ast.parse(DAG.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "mergehouse"
    ]
    return [[word.value for word in call.args if isinstance(word, ast.Constant)] for call in calls]


@pytest.mark.parametrize("words", [*commands_in_workflows(), *commands_in_dag()], ids=" ".join)
def test_commands_exist_with_these_options(words: list[str]) -> None:
    found: Any = get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    assert found.name is not None
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if re.fullmatch(r"--?[a-zA-Z][\w-]*", word)} <= options


CHAIN = {
    "build": {"export"}, "export": {"place", "ingest", "qa", "receipt", "notify"}, "place": {"carriage"},
    "carriage": {"ingest", "carried"},
    "ingest": {"qa"}, "qa": {"notify"}, "carried": {"received"}, "received": {"receipt"},
    "receipt": {"notify"}, "notify": set(),
}  # fmt: skip
LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
dag = bag.dags.get("mergehouse_release")
for params in (dag.params, *(t.params for t in dag.tasks)) if dag else ():
    params.validate()  # defaults that their own rules refuse fail a task when it starts
chain = {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks} if dag else {}
print("RESULT" + json.dumps([bag.import_errors, chain]))
"""


@pytest.mark.skipif(
    not PYTHON_OF_AIRFLOW,
    reason="no Airflow: MERGEHOUSE_AIRFLOW_PYTHON names the Python of an environment that has it",
)
@LONG
def test_airflow_loads_the_dag(tmp_path: Path) -> None:
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    surroundings |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [PYTHON_OF_AIRFLOW, "-c", LOAD, str(DAG.parent)], env=surroundings, capture_output=True, text=True
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")] or pytest.fail(
        done.stderr
    )
    errors, chain = json.loads(line.removeprefix("RESULT"))
    assert errors == {} and {task: set(after) for task, after in chain.items()} == CHAIN
