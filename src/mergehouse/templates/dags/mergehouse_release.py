"""A release on its way: build and export, place, ingest, QA, notify. For Airflow 3.1 or newer.

With `carriage: automatic` every step is a command of mergehouse, and the workers need credentials for
`dropzone` and `lakehouse`. With `by hand`, for tiers that let no machine in, a person carries the files and
starts the notebook: two gates wait for it under Browse > Required Actions, and what was received is compared
with what was sent, by the manifest's SHA-256.

The workers need the command `mergehouse`; where it is not on the PATH, MERGEHOUSE_COMMAND names it. Mail goes
out through the connection `smtp_default`, to the addresses in `notify`.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator
from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = os.environ.get("MERGEHOUSE_COMMAND", "mergehouse")
WAIT = timedelta(days=3)  # for a person; then the gate fails
MADE = "ti.xcom_pull(task_ids='export')"
CARRY = f"""Release **{{{{ {MADE}['version'] }}}}** lies in `{{{{ params.dropzone }}}}` on the worker.

1. In the Fabric portal open the workspace, then the lakehouse.
2. In the explorer: **Files > ... > New subfolder** `dropzone`, and in it `retail`, if they are not there.
3. On `retail`: **... > Upload > Upload folder**, and choose the folder `gold`.
4. Wait until the upload is done, then approve. Reject if it cannot be done: nothing was changed.
"""
RECEIVE = f"""Open the notebook **Ingest release** in the workspace, set `release` to `retail` and
`digest` to `{{{{ {MADE}['digest'] }}}}`, and choose **Run all**.

It writes `Files/release_reports/retail.json`. Enter its `manifest_sha256` here, if it says `"ok": true`.
"""


def mergehouse(*arguments: str) -> str:
    """What a command prints on standard output. Exit codes 1 and 2 - checks failed, wrong usage - are not
    worth a retry.
    """
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=get_current_context()["params"]["project"],
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout)
    if done.returncode:
        raise AirflowFailException(
            f"mergehouse {arguments[0]} ended with {done.returncode}; the log says what was found."
        )
    return done.stdout


def mail(context: dict[str, Any], subject: str, text: str) -> None:
    """To the addresses in `notify`; to the log alone where there are none."""
    print(f"{subject}\n{text}")
    if to := context["params"]["notify"]:
        SmtpNotifier(to=to, subject=subject, html_content=text)(context)


def complain(context: dict[str, Any]) -> None:
    mail(
        context,
        f"mergehouse: {context['ti'].task_id} failed",
        f"Run {context['run_id']}: {context.get('exception')}",
    )


@dag(
    schedule=None,  # started by hand or by another DAG; give it a cron expression for a nightly one
    catchup=False,
    max_active_runs=1,
    render_template_as_native_obj=False,
    default_args={"on_failure_callback": complain},
    tags=["mergehouse"],
    doc_md=__doc__,
    params={
        "project": Param(str(PROJECT), type="string", description="The project folder on the workers"),
        "environment": Param(
            "dev", type="string", description="The environment of mergehouse.yml that is built and released"
        ),
        "carriage": Param(
            "by hand", enum=["by hand", "automatic"], description="How the release gets to the receiver"
        ),
        "dropzone": Param(
            str(PROJECT / "carry"),
            type="string",
            description="Where the release is placed: a folder, or abfss://...",
        ),
        "lakehouse": Param(
            str(PROJECT / "lakehouse-received"),
            type="string",
            description="The receiver's, if automatic: a folder, or abfss://...",
        ),
        "notify": Param([], type="array", items={"type": "string"}, description="Mail addresses"),
    },
)
def mergehouse_release() -> None:
    @task
    def build(params: dict[str, Any]) -> None:
        mergehouse("run", "--env", params["environment"])
        mergehouse("check", "--env", params["environment"])

    @task
    def export(params: dict[str, Any]) -> dict[str, str]:
        made = json.loads(mergehouse("release", "--env", params["environment"], "--json"))
        return {
            "root": made["root"],
            "version": made["manifest"]["version"],
            "digest": made["manifest_sha256"],
        }

    @task
    def place(made: dict[str, str], params: dict[str, Any]) -> None:
        mergehouse("releases", "copy", made["version"], "--at", made["root"], "--to", params["dropzone"])
        mergehouse("verify", params["dropzone"], "--version", made["version"], "--digest", made["digest"])

    @task.branch
    def carriage(params: dict[str, Any]) -> str:
        return "ingest" if params["carriage"] == "automatic" else "carried"

    @task
    def ingest(made: dict[str, str], params: dict[str, Any]) -> None:
        target = [
            "--lakehouse",
            params["lakehouse"],
            "--version",
            made["version"],
            "--digest",
            made["digest"],
        ]
        mergehouse("ingest", params["dropzone"], *target)

    @task
    def qa(made: dict[str, str], params: dict[str, Any]) -> None:
        """Counts, KPIs, sampled keys, scores and distributions of the receiver against the sender."""
        mergehouse("compare", made["root"].removesuffix("/release"), params["lakehouse"])

    carried = ApprovalOperator(
        task_id="carried",
        subject="Carry the release to the receiver",
        body=CARRY,
        response_timeout=WAIT,
        fail_on_reject=True,
    )
    received = HITLEntryOperator(
        task_id="received",
        subject="Run the notebook and enter what it received",
        body=RECEIVE,
        defaults=None,  # silence is no answer
        params={"manifest_sha256": Param("", type="string", description="manifest_sha256 of the report")},
        response_timeout=WAIT,
    )

    @task
    def receipt(made: dict[str, str], answer: dict[str, Any]) -> None:
        """The notebook verifies every file and figure against the manifest; this makes sure that it was this
        manifest.
        """
        found = answer["params_input"].get("manifest_sha256", "").strip()
        if found != made["digest"]:
            raise AirflowFailException(
                f"Received {found or 'nothing'}, sent {made['digest']}: another release lies in the dropzone."
            )

    @task(trigger_rule="none_failed_min_one_success")
    def notify(made: dict[str, str], params: dict[str, Any]) -> None:
        text = f"Sent {params['carriage']}, manifest {made['digest']}. Next: mergehouse promote dev test"
        mail(get_current_context(), f"mergehouse: release {made['version']} was received", text)

    made = export()
    placed, way, told = place(made), carriage(), notify(made)
    build() >> made
    placed >> way >> [loaded := ingest(made), carried]
    loaded >> qa(made) >> told
    carried >> received >> receipt(made, received.output) >> told


mergehouse_release()
