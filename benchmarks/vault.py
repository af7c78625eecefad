"""What the Data Vault costs, in seconds of CPU: python -m benchmarks.vault [--lines 3M] [--folder DIR].

The same exports with and without it, from the raw files and by a delivery of the last 1 %. The vault's build
is the difference of the two runs, and so is what a delivery costs it: reading from it is in it. Gold is what
is built from the lines that count, `silver.sales_clean` and all that follows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.__main__ import MERGEHOUSE, ROOT, demonstration
from benchmarks.delivery import deliver, hold_back

GOLD = "silver.sales_clean+"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", default="3M", help="generated order lines (default 3M)")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mergehouse-vault-"))
    project = demonstration(folder / "direct", options.lines)
    held = hold_back(project, 0.01)
    other = folder / "vault"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(project, other)
    config = other / "mergehouse.yml"
    config.write_text(config.read_text(encoding="utf-8") + "\nvault: true\n", encoding="utf-8")
    direct, vault = run(project), run(other)
    gold = run(project, "--full", "--select", GOLD)
    deliver(held)
    deliver([(other / path.relative_to(project), content) for path, content in held])
    direct_delivery, vault_delivery = run(project), run(other)
    build, delivery = vault - direct, vault_delivery - direct_delivery
    print(f"Order lines {options.lines}; seconds of CPU on {os.cpu_count()} cores.\n")
    print("| | without | with the vault | the vault |\n|---|--:|--:|--:|")
    print(f"| run from the raw files | {direct:.1f} | {vault:.1f} | {build:.1f} |")
    print(f"| Gold and what it is built from | {gold:.1f} | {gold + build:.1f} | {1 + build / gold:.1f} x |")
    print(f"| delivery of 1 % | {direct_delivery:.1f} | {vault_delivery:.1f} | {delivery:.1f} |")
    print(f"| of the vault's build | | | {delivery / build:.0%} |")
    if not options.folder:
        shutil.rmtree(folder)


def run(project: Path, *options: str) -> float:
    """Seconds of CPU that a run takes, of all its threads. Raises CalledProcessError where it fails."""
    command = [*MERGEHOUSE, "run", "-C", str(project), *options]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
