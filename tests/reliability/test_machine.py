"""Whatever the machine does: a right result or one message, before anything is written."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import COMMAND, call
from tests.conftest import SHOP_HEADER, Shop

from mergehouse import machine
from mergehouse.cli import process
from mergehouse.errors import ConfigError, LakehouseError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.reader import settings
from mergehouse.machine import refusal, refused
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project
from mergehouse.project.settings import Limits
from mergehouse.quality.machine_limits import within_the_machine

LINE = "B{n},1,2026-03-04 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"
# what DuckDB takes for a pattern, delta-rs for an escape, a shell for something else
ODD = [
    "[2024]",
    "%20",
    "#1",
    "a?b",
    "a*b",
    "a\\b",
    "a\nb",
    "it's",
    '"',
    ";",
    "end ",
    "-lead",
    "month=1",
    "{a,b}",
    "~",
]
MISREAD = ["[2024]", "%20", "a?b", "a*b", "a\\b", "a\nb", "a|b", "a^b", "source_system=x"]


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, "0GB", "-1GB", "1KB", "99MB", "1000TB", "50%", "much", "3GB\n", True])
def test_memory_of_no_use_is_refused(memory: object) -> None:
    with pytest.raises(ValueError, match="expected memory such as `3GB`"):
        Limits(memory=memory)  # type: ignore[arg-type]


def test_limits_above_the_machine_are_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergehouse.machine.memory", lambda: 10 * 2**30)
    monkeypatch.setattr("mergehouse.lakehouse.reader.cores", lambda: 4)
    monkeypatch.setattr("mergehouse.quality.machine_limits.cores", lambda: 4)
    limits = Limits(memory="1000000GB", threads=100_000)
    chosen = settings(limits, Path("spill"))
    assert (chosen["memory_limit"], chosen["threads"]) == (f"{8 * 2**30}B", 4)
    (finding,) = within_the_machine(limits)
    assert finding.severity == "warn" and finding.failures == 2
    assert "8.0 GiB are used" in finding.why and "4 are used" in finding.why
    assert within_the_machine(Limits(memory="3 GB", threads=4)) == []


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        (resource.RLIMIT_NOFILE, 16, "ulimit -n"),
        (resource.RLIMIT_AS, 10**9, "ulimit -v"),
    ],
)
def test_a_process_with_too_little_says_by_which_limit(limit: int, value: int, said: str, sold: Shop) -> None:
    done = subprocess.run(
        [*COMMAND, "run", "-C", str(sold.folder)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
    )
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_a_soft_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        process.prepare()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_few_threads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", none_left)
    monkeypatch.setattr(process, "_raised", lambda limit: 30 if limit == resource.RLIMIT_NPROC else 2**40)
    with pytest.raises(ConfigError, match="ulimit -u"):
        process.prepare()


@pytest.mark.parametrize("workers", ["x", "0", "-1", "", "²"])
def test_a_number_of_threads_that_is_none_is_named(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKIO_WORKER_THREADS", workers)
    with pytest.raises(ConfigError, match="TOKIO_WORKER_THREADS=.*: expected a number of threads"):
        process.prepare()


@pytest.mark.parametrize(
    ("main", "code"),
    [("main = door.main", 3), ("program = door.main", 7)],
    ids=["the program itself", "called by another"],
)
def test_what_is_to_be_done_at_the_end_is_done(main: str, code: int) -> None:
    program = f"""
import atexit, sys
from mergehouse.cli import main as door

{main}
door._run = lambda: atexit.register(print, "left in order") and 3
try:
    door.main()
except SystemExit as left:
    if not hasattr(sys.modules["__main__"], "main"):
        sys.exit(left.code + 4)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "left in order\n", "")


# --- what the machine refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a.yml"), "no permission"),
        (OSError("Generic error: Read-only file system (os error 30)"), "read-only"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "quota"),
        (OSError("File too large (os error 27)"), "ulimit -f"),
        (RuntimeError('IO Error: Cannot open file "/a": Too many open files'), "ulimit -n"),
        (RuntimeError('Os { code: 24, kind: Uncategorized, message: "Too many open files" }'), "ulimit -n"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (OSError(errno.EIO, "Input/output error"), "machine's log"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "Shorten"),
        (MemoryError(), "memory ran out"),
        (RuntimeError("Out of Memory Error: Allocation failure"), "memory ran out"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    ],
)
def test_what_is_refused_is_said_in_words(error: Exception, words: str) -> None:
    assert words in str(refused(error))
    assert refused(ValueError("7")) is None


@pytest.mark.parametrize(("inodes_left", "said"), [(0, "out of inodes"), (7, "the disk is full")])
def test_out_of_inodes_is_not_a_full_disk(
    inodes_left: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    disk = type("disk", (), {"f_files": 9, "f_favail": inodes_left, "f_bavail": 5 * 2**20, "f_frsize": 1})
    monkeypatch.setattr(machine.os, "statvfs", lambda _: disk)
    found = refusal(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert real.f_files and found and said in found and "5 MB free" in found


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: (root / ".lock").mkdir(parents=True), r"\.lock: a folder stands where a file"),
        (lambda root: root.symlink_to(root.name), "symbolic links lead in a circle"),
        (lambda root: (root.mkdir(), (root / ".tmp").write_text("")), r"\.tmp"),
    ],
)
def test_a_spoilt_lakehouse_folder_is_one_message(
    spoil: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "project")
    shop.deliver_lines(LINE.format(n=1))
    spoil(shop.folder / "lakehouse")
    with pytest.raises(MergehouseError, match=said):
        run(load_project(shop.folder))


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with (
        pytest.raises(LakehouseError, match="cannot be locked.*has no locks"),
        exclusive(Lakehouse(tmp_path / "new")),
    ):
        pass


LOOK = """
import sys
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import load_project
for look in (lambda: load_project(sys.argv[1]), lambda: Lakehouse(sys.argv[2]).exists("silver.sales_clean")):
    try:
        look()
    except Exception as error:
        print(error)
"""


def test_what_may_not_be_read_is_not_taken_for_absent(sold: Shop) -> None:
    """An unreadable brand or table must not vanish. Root is tried without its right to read everything."""
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if as_others and not shutil.which("setpriv"):
        pytest.skip("root may read everything, and there is no setpriv")
    places = (sold.brand, sold.lakehouse.path("silver.sales_clean") / "_delta_log")
    command = [*as_others, *COMMAND[:2], LOOK, str(sold.folder), sold.lakehouse.location]
    for place in places:
        place.chmod(0)
    try:
        told = subprocess.run(command, capture_output=True, text=True)
    finally:
        for place in places:
            place.chmod(0o755)
    said = told.stdout.splitlines()
    assert len(said) == 2, told.stderr
    for line, place in zip(said, places, strict=True):
        assert str(place) in line and "no permission" in line


# --- names --------------------------------------------------------------------------------------------------


def test_raw_files_of_any_name_are_read_alone(shop: Shop) -> None:
    """`*` would be read as a pattern: that file with every other one."""
    shop.configure((shop.brand / "brand.yml").read_text().replace('"lines*"', '"**"'))
    names = [*ODD, "*", "n" * 240, "🛒", "café", "cafe\u0301"]
    for n, name in enumerate(names):
        folder = shop.raw / ODD[n % len(ODD)]
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.csv").write_text(f"{SHOP_HEADER}\n{LINE.format(n=n)}\n")
    result = shop.run(until="bronze")
    assert not result.ingest.failures
    loaded = {b.source_file: b.rows for b in result.ingest.new}
    assert loaded == {f"{ODD[n % len(ODD)]}/{name}.csv": 1 for n, name in enumerate(names)}


def test_a_name_that_is_no_text_stops_its_brand(shop: Shop) -> None:
    shop.deliver_lines(LINE.format(n=1), name=os.fsdecode(b"lines\xff.csv"))
    assert r"lines\udcff.csv: this name is not UTF-8" in shop.failure()


@pytest.mark.parametrize("name", MISREAD)
def test_a_lakehouse_that_engines_would_misread_is_refused_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / name / "project")
    shop.deliver_lines(LINE.format(n=1))
    with pytest.raises(ConfigError, match="no table can lie below a folder with"):
        shop.run()
    assert not (shop.folder / "lakehouse").exists()


def test_a_project_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "it's 100% #1; {a,b} ~ $HOME 🛒" / "project")
    shop.deliver_lines(LINE.format(n=1))
    assert not shop.run(select="+silver.order_lines").failed
    assert shop.rows("SELECT order_id FROM silver.order_lines") == [("B1",)]


# --- the process --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_within_a_query_it_stops_with_the_promised_message(
    number: signal.Signals, sold: Shop
) -> None:
    endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b, gold.dim_brand WHERE hash(a, b) = 7"
    command = [*COMMAND, "query", "-C", str(sold.folder), endless]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as asked:
        time.sleep(1.5)
        began = time.monotonic()
        asked.send_signal(number)
        said = asked.communicate()[1]
    assert (asked.returncode, said) == (130, f"error {process.STOPPED}\n")
    assert time.monotonic() - began < 30


def test_nobody_reads_what_is_printed(sold: Shop) -> None:
    many = "SELECT * FROM range(300000), gold.dim_brand"
    command = [*COMMAND, "query", "-C", str(sold.folder), "--format", "csv", many]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        assert asked.stdout and asked.stdout.readline().startswith("range,")
        asked.stdout.close()
        assert asked.stderr and asked.stderr.read() == ""
    assert asked.returncode == 0


def test_a_full_disk_behind_the_output_is_named(sold: Shop) -> None:
    command = [*COMMAND, "query", "-C", str(sold.folder), "SELECT label FROM gold.dim_brand"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "the disk is full" in done.stderr and "Traceback" not in done.stderr


def test_what_a_terminal_cannot_show_is_an_escape(sold: Shop) -> None:
    command = [*COMMAND, "query", "-C", str(sold.folder), "SELECT '🛒' AS food FROM gold.dim_brand"]
    plain = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, text=True, env=plain)
    assert done.returncode == 0 and r"\U0001f6d2" in done.stdout


def test_an_argument_that_is_no_text_is_refused() -> None:
    assert r"\udcff: this argument is not UTF-8" in call("run", "-C", os.fsdecode(b"\xff"), code=2).stderr


def test_a_file_is_no_substitute_for_a_closed_output(sold: Shop) -> None:
    """Without descriptor 1 a table's file would get its number, and what is printed."""
    command = [*COMMAND, "query", "-C", str(sold.folder), "SELECT label FROM gold.dim_brand"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_panic_is_one_message(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(**_: object) -> None:
        raise BaseException('failed to create UnixStream: Os { code: 24, message: "Too many open files" }')

    monkeypatch.setattr("mergehouse.cli.commands.app", panics)
    assert "ulimit -n" in call("doctor", code=2).stderr
