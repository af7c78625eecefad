"""Microsoft Fabric's deployment pipelines: the items of one stage become those of the next.

Source: Microsoft's published description of the API (platform/swagger.json, Deploy Stage Content).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.api import ADVICE, FabricApi, FabricError
from mergehouse.platform.fabric.credentials import token_from_environment, token_source
from mergehouse.progress import Progress, silent
from mergehouse.project.settings import FabricDeployment
from mergehouse.project.validation import nearest_known

NOTE = 1024  # characters that a deployment's note may have
TODO = ADVICE | {
    403: "Make the identity an admin of the deployment pipeline and a contributor of both workspaces",
    404: "Correct `fabric.deployment_pipeline` in mergehouse.yml",
}


@dataclass(frozen=True)
class Step:
    """What became of one item. `before` says how the next stage had it: New, Different or NoDifference."""

    kind: str
    name: str
    status: str
    before: str = ""
    message: str = ""


@dataclass(frozen=True)
class Deployment:
    """A finished deployment of all items of a stage."""

    operation: str
    steps: tuple[Step, ...]

    @property
    def items(self) -> int:
        return len(self.steps)


class StageNotDeployed(FabricError):
    """A deployment of which something failed; `deployment` says what, as far as Fabric told."""

    exit_code = 1

    def __init__(self, message: str, deployment: Deployment):
        super().__init__(message)
        self.deployment = deployment


class DeploymentPipelines:
    """The deployment pipelines that an identity may drive."""

    def __init__(self, api: FabricApi):
        self.api = api

    def deploy(self, pipeline: str, source: str, target: str, note: str) -> Deployment:
        """Deploys every item of one stage to the next and waits for the end. Stages are given by name.

        Raises FabricError where a stage is not there, the service refuses, or nothing comes of it within an
        hour, and StageNotDeployed where an item fails.
        """
        where = f"/deploymentPipelines/{pipeline}"
        stages = {
            stage.get("displayName"): stage.get("id") for stage in self.api.get_all(f"{where}/stages", TODO)
        }
        for name in (source, target):
            if name not in stages:
                there = ", ".join(map(str, stages)) or "none"
                raise FabricError(
                    f"Fabric: the deployment pipeline has no stage `{name}`; it has: {there}. Correct"
                    " fabric.stages."
                )
        body = {"sourceStageId": stages[source], "targetStageId": stages[target], "note": note[:NOTE]}
        status, headers, answer = self.api.request("POST", f"{where}/deploy", body, TODO)
        operation = headers.get("x-ms-operation-id") or str(answer.get("id", ""))
        if status == 202:
            try:
                answer = self.api.result("the deployment", headers)
            except FabricError as error:
                raise StageNotDeployed(
                    str(error), Deployment(operation, self._plan(where, headers))
                ) from None
        done = Deployment(operation, tuple(map(self._step, _steps(answer))))
        if failed := next((step for step in done.steps if step.status == "Failed"), None):
            raise StageNotDeployed(f"Fabric: the deployment failed at {failed.name}: {failed.message}", done)
        if answer.get("status") == "Failed":
            raise StageNotDeployed(
                f"Fabric: the deployment failed: {self.api.words(answer.get('error'))}", done
            )
        return done

    def _plan(self, where: str, headers: Mapping[str, str]) -> tuple[Step, ...]:
        """What became of each item of a deployment that failed: its history has it, if anything has."""
        history = headers.get("deployment-id")
        if not history:
            return ()
        try:
            return tuple(map(self._step, _steps(self.api.request("GET", f"{where}/operations/{history}")[2])))
        except FabricError:
            return ()

    def _step(self, step: dict[str, Any]) -> Step:
        item = step.get("sourceAndTarget") or {}
        failed = step.get("status") == "Failed"
        return Step(
            kind=item.get("itemType") or "",
            name=item.get("sourceItemDisplayName") or step.get("description") or "",
            status=step.get("status") or "",
            before=step.get("preDeploymentDiffState") or "",
            message=self.api.words(step.get("error")) if failed else "",
        )


def from_environment(environment: Mapping[str, str] = os.environ) -> DeploymentPipelines | None:
    """As the identity whose credentials are set; None where none are. Raises ConfigError where they are set
    by half.
    """
    token = token_from_environment(environment)
    return DeploymentPipelines(FabricApi(token)) if token else None


def deploy_stage(
    settings: FabricDeployment | None,
    source: str,
    target: str,
    note: str = "",
    progress: Progress = silent,
    pipelines: Callable[[], DeploymentPipelines] | None = None,
) -> Deployment:
    """Deploys outside of a promotion: every item of the stage of one environment becomes one of the next's.

    Raises ConfigError where mergehouse.yml has no deployment pipeline or an environment has no stage in it,
    FabricError and StageNotDeployed as `DeploymentPipelines.deploy` does.
    """
    if settings is None:
        raise ConfigError(
            "mergehouse.yml: `fabric` is missing; expected `deployment_pipeline`, its id, and `stages`, the"
            " stage of each environment."
        )
    for name in (source, target):
        if name not in settings.stages:
            raise ConfigError(
                f"mergehouse.yml: fabric.stages has no `{name}`{nearest_known(name, settings.stages)}"
            )
    drive = pipelines() if pipelines else DeploymentPipelines(FabricApi(token_source()))
    progress(f"{settings.stages[source]} to {settings.stages[target]}")
    return drive.deploy(settings.deployment_pipeline, settings.stages[source], settings.stages[target], note)


def _steps(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (answer.get("executionPlan") or {}).get("steps") or []
