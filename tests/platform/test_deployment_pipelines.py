"""The pipelines that deploy: GitHub's by actionlint, Azure's by Microsoft's schema of pipelines."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.conftest import Shop
from tests.platform.vendors import asked
from typer.main import get_command
from typer.testing import CliRunner

from mergehouse.cli.commands import app
from mergehouse.platform.pipelines import deployment_pipelines

FILES = deployment_pipelines(["dev", "test", "prod"])
GITHUB, AZURE = FILES.values()
# Microsoft's schema, as far as the file goes, for where the schema itself is not installed
OF_PIPELINE = {"trigger", "pr", "parameters", "variables", "pool", "stages"}
OF_DEPLOYMENT = {"deployment", "displayName", "environment", "timeoutInMinutes", "strategy"}
OF_STEP = {
    "task": {"displayName", "inputs", "env"},
    "bash": {"displayName", "env"},
    "checkout": {"persistCredentials"},
}
INPUTS = {
    "UsePythonVersion@0": {"versionSpec"},
    "AzureCLI@2": {"azureSubscription", "scriptType", "scriptLocation", "inlineScript"},
}


def azure_steps() -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(AZURE)["stages"][0]["jobs"]:
        assert {*job} == OF_DEPLOYMENT and job["environment"] == "${{ parameters.environment }}"
        yield from job["strategy"]["runOnce"]["deploy"]["steps"]


def scripts() -> list[str]:
    jobs = yaml.safe_load(GITHUB)["jobs"].values()
    of_github = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    of_azure = [step.get("bash") or step.get("inputs", {}).get("inlineScript") for step in azure_steps()]
    return [*of_github, *filter(None, of_azure)]


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
@pytest.mark.long("asks the vendors' own parsers")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", "-"], input=GITHUB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_github_pins_actions_and_asks_for_little() -> None:
    uses = re.findall(r"uses: (\S+)(.*)", GITHUB)
    assert uses and all(
        re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used) and re.fullmatch(r" # v\d+\.\d+\.\d+", tag)
        for used, tag in uses
    )
    content = yaml.safe_load(GITHUB)
    assert content["permissions"] == {"contents": "read", "id-token": "write"}
    assert list(content[True]) == ["workflow_dispatch"]  # YAML 1.1 reads the key `on` as a boolean
    assert content[True]["workflow_dispatch"]["inputs"]["environment"]["options"] == ["dev", "test", "prod"]
    for job in content["jobs"].values():
        assert job["environment"] == "${{ inputs.environment }}" and "timeout-minutes" in job
        assert job["steps"][0]["with"] == {"persist-credentials": False}


# each leaves something that the schema refuses
MISSPELT = {
    "deployment: fabric": "deploymnt: fabric", "timeoutInMinutes": "timeoutInMinute", "runOnce": "runOnces",
    "scriptType: bash": "scriptType: bsh", "AzureCLI@2": "AzureCLJ@2", "versionSpec": "versionsSpec",
    "persistCredentials": "persistCredential", "pool:": "pol:", "displayName: Deploy\n": "displayname: X\n",
    "scriptLocation: inlineScript": "scriptLocation: inline", "trigger: none": "triger: none",
    "type: string": "type: text", "env:": "envs:",
}  # fmt: skip


@pytest.mark.long("asks the vendors' own parsers")
def test_azure_keeps_to_microsofts_schema_and_what_is_misspelt_does_not() -> None:
    """The service takes every scalar as a text, so that the schema does."""
    assert all(AZURE.count(right) for right in MISSPELT)
    texts = [AZURE, *(AZURE.replace(right, wrong) for right, wrong in MISSPELT.items())]
    pipelines = [yaml.load(text, yaml.BaseLoader) for text in texts]
    assert asked("pipelines", "check_pipelines.py", pipelines) == [True] + [False] * len(MISSPELT)


def test_azure_has_the_keys_that_there_are() -> None:
    content = yaml.safe_load(AZURE)
    assert {*content} == OF_PIPELINE and content["trigger"] == content["pr"] == "none"
    assert content["parameters"][0]["default"] == "dev"
    assert content["parameters"][0]["values"] == ["dev", "test", "prod"]
    for step in azure_steps():
        (kind,) = {*step} & {*OF_STEP}
        assert {*step} - {kind} <= OF_STEP[kind]
        if kind == "task":
            assert {*step["inputs"]} <= INPUTS[step["task"]]
    assert set(re.findall(r"parameters\.(\w+)", AZURE)) == {"environment"}


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.split("\n")[0][:40])
def test_scripts_are_bash_and_take_nothing_in_that_somebody_typed(script: str) -> None:
    assert "${{" not in script, "an expression in a script runs what a stranger writes; pass it by `env`"
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_secret_is_in_a_file() -> None:
    named = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"}  # ids, for a federated sign-in
    assert set(re.findall(r"secrets\.(\w+)", GITHUB)) == named
    keys = re.findall(r"^\s*([\w-]+):", AZURE + GITHUB, re.MULTILINE)
    assert [key for key in keys if re.search("token|password|secret", key, re.IGNORECASE)] == ["id-token"]


def commands() -> list[list[str]]:
    lines = "\n".join(scripts()).splitlines()
    return [line.split()[1:] for line in map(str.strip, lines) if line.startswith("mergehouse ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_exist_with_these_options(words: list[str]) -> None:
    found: Any = get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    options = {option for parameter in found.params for option in parameter.opts}
    assert found.name in ("databricks", "fabric", "deploy")
    assert {word for word in words if word.startswith("--")} <= options


def test_both_deploy_the_same(shop: Shop, tmp_path: Any) -> None:
    """As written by the command, with the environments of the project."""
    (shop.folder / "mergehouse.yml").write_text(
        "name: retail\nenvironments: {one: {}, two: {lakehouse: other}}\n"
    )
    done = CliRunner().invoke(app, ["platform", "pipelines", str(tmp_path / "top"), "-C", str(shop.folder)])
    assert done.exit_code == 0 and "2 files written" in done.output
    for file in (".github/workflows/mergehouse-deploy.yml", "azure-pipelines.yml"):
        text = (tmp_path / "top" / file).read_text()
        assert "[one, two]" in text and "ENVIRONMENTS" not in text and "FIRST" not in text
        for step in (
            "bundle validate",
            "bundle deploy",
            "bundle run catalog",
            "platform deploy build/fabric",
        ):
            assert step in text
