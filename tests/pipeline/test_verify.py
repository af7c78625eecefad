"""Verification finds and names every fault of carriage and of export, and needs nothing but the carried
folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.command import COMMAND
from tests.pipeline.faults import FAULTS, SALES, VERSION, Case, file_of, flip, sealed

from mergehouse.errors import MergehouseError
from mergehouse.release.load import ingest
from mergehouse.release.manifest.seal import CURRENT, RELEASES, SUCCESS
from mergehouse.release.store import Shelf
from mergehouse.release.verify import verify


def test_a_sound_release_passes(carried: Path) -> None:
    found = verify(str(carried))
    assert found.passed and found.version == VERSION
    totals = found.as_json()
    files = list(carried.rglob("*.parquet"))
    assert totals["files"] == len(files) and totals["bytes"] == sum(f.stat().st_size for f in files)


def test_there_are_fifty_different_faults() -> None:
    assert len(FAULTS) >= 50 and len({case.name for case in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_every_fault_is_found_and_named(carried: Path, case: Case) -> None:
    case.inject(carried)
    found = verify(str(carried))
    assert not found.passed
    named = [
        f for f in found.faults if f.what == case.what and case.where in f.where and case.message in f.message
    ]
    assert named, found.faults
    assert all(str(carried) not in f.where and f.message and "\n" not in f.message for f in found.faults)


def test_a_broken_table_does_not_hide_faults_of_others(carried: Path) -> None:
    flip(file_of(carried, SALES))
    file_of(carried, "gold.dim_date").unlink()
    assert {(f.what, f.where.split("/")[1]) for f in verify(str(carried)).faults} == {
        ("altered", "sales_daily"),
        ("missing", "dim_date"),
    }


def test_a_folder_without_pointer_is_told_by_its_only_release(carried: Path) -> None:
    (carried / RELEASES / CURRENT).unlink()
    assert verify(str(carried)).passed
    shutil.copytree(carried / RELEASES / f"v{VERSION}", carried / RELEASES / "v1.0.1")
    assert "there are 1.0.0, 1.0.1: say which" in verify(str(carried)).faults[0].message
    assert verify(str(carried), VERSION).passed
    assert [f.what for f in verify(str(carried), "1.0.1").faults] == ["manifest"]
    assert [f.what for f in verify(str(carried), "2.0.0").faults] == ["missing"]


def test_the_digest_of_somebody_else_tells_a_release_that_was_forged_whole(
    carried: Path, released: Path
) -> None:
    approved = Shelf(str(released)).list()[0].manifest_sha256
    assert verify(str(carried), expected=approved).passed
    next(case for case in FAULTS if case.name == "empty values edited").inject(carried)
    assert verify(str(carried), expected=approved).faults[0].message.endswith("it is another one.")


def test_sha256sum_reads_the_seal(carried: Path) -> None:
    command = ["sha256sum", "-c", SUCCESS]
    assert (
        subprocess.run(
            command, cwd=sealed(carried, "").parent / f"v{VERSION}", capture_output=True
        ).returncode
        == 0
    )


def test_nothing_there_is_a_usage_error(released: Path, tmp_path: Path) -> None:
    with pytest.raises(MergehouseError, match="there is no release; expected gold/_releases/"):
        verify(str(tmp_path))
    shutil.copytree(released, tmp_path / "carried")
    with pytest.raises(MergehouseError, match=f"Did you mean {tmp_path / 'carried'}"):
        verify(str(tmp_path))
    with pytest.raises(MergehouseError, match="expected three numbers"):
        verify(str(released), "latest")


def test_command_on_a_machine_with_the_folder_alone(carried: Path, tmp_path: Path) -> None:
    """A bare environment: no project, no home, another working directory."""
    bare = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path / "nobody"),
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "verify", *arguments], capture_output=True, text=True, cwd=tmp_path, env=bare
        )

    sound = call("carried")
    assert sound.returncode == 0 and "are as they were sealed" in sound.stdout
    flip(file_of(carried, SALES))
    broken = call("carried", "--json")
    assert broken.returncode == 1 and json.loads(broken.stdout)["faults"][0]["what"] == "altered"
    assert call("nowhere").returncode == 2 and "Traceback" not in broken.stderr


def test_the_manual_lists_every_fault() -> None:
    manual = (Path(__file__).parents[2] / "docs/releases.md").read_text()
    assert [case.name for case in FAULTS if f"| {case.name} | {case.what} |" not in manual] == []


@pytest.mark.parametrize("digest", ["", "abc", "sha256:" + "0" * 64, "0" * 63 + "g", "0" * 64 + "\n"])
def test_what_is_no_digest_is_no_word_on_the_release(tmp_path: Path, digest: str) -> None:
    expected = "expected the 64 hexadecimal digits of the manifest's SHA-256"
    with pytest.raises(MergehouseError, match=expected):
        verify(str(tmp_path), None, digest)
    with pytest.raises(MergehouseError, match=expected):
        ingest(str(tmp_path), str(tmp_path / "lakehouse"), None, digest)
