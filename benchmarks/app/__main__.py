"""The web suite over many customers: python -m benchmarks.app [--customers 1M] [--lines 10M]
[--streamlit] [--folder DIR].

Two brands: one of made-up customers, who buy as BG/NBD and Gamma-Gamma say, and the demonstration's other.
Measured are the writing of scopes' files, whole and after a delivery of 1 %; the server's answers to one user
and to twenty at once, no question twice, so that no answer is a kept one; the Executive page in Chromium
until its last chart is drawn; and with `--streamlit` (to be installed before) the same page in Streamlit.
Machines differ; the bars are for 2 cores, 1M customers and 10M order lines.
"""

from __future__ import annotations

import argparse
import itertools
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from benchmarks.science_scale import BRAND, write_lines
from mergehouse.access.people import People
from mergehouse.cli.scaffold import line_count, write_project

COMMAND = [sys.executable, "-c", "from mergehouse.cli.main import main; main()"]
PORT, OTHER_PORT, PASSWORD = 8461, 8462, "benchmark benchmark"
HELD_BACK, INVOICE_DATE = 0.01, 4
USERS, QUESTIONS, LOADS = 20, 40, 5
BARS = {  # seconds, and MB of the server
    "Executive painted, warm": 0.6, "Executive painted, first": 1.2, "slider and filter, one user": 0.2,
    "slider and filter, 20 users": 0.8, "drill-through": 0.25, "server": 600, "scopes' files": 30,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", default="1M", help="how many (default 1M)")
    parser.add_argument("--lines", default="10M", help="of their orders (default 10M)")
    parser.add_argument("--streamlit", action="store_true", help="the Executive page in Streamlit beside it")
    parser.add_argument("--folder", type=Path, help="where to work; a project that is there is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        project = (options.folder or Path(parent)) / "project"
        if not project.exists():
            build(project, line_count(options.customers), line_count(options.lines))
        print("| what | median | 95 % | bar |\n|---|--:|--:|--:|")
        extracts(project)
        with served(project) as browser_cookie:
            measure(project, browser_cookie)
        if options.streamlit:
            streamlit(project)


def build(project: Path, customers: int, lines: int) -> None:
    """From raw exports to Gold with the fallback's scores; the newest lines are kept for a delivery."""
    write_project(project)
    config = project / "mergehouse.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("science: true", "science: {train: false}"), encoding="utf-8")
    subprocess.run([*COMMAND, "demo", str(project), "--lines", "200k"], check=True, stdout=subprocess.DEVNULL)
    raw = project / "raw" / BRAND
    shutil.rmtree(raw)
    raw.mkdir()
    file = raw / "online_retail_made_up.csv"
    lines = write_lines(file, customers, lines=lines)
    header, *rest = file.read_bytes().splitlines(keepends=True)
    rest.sort(key=lambda line: line.split(b",")[INVOICE_DATE])
    kept = int(len(rest) * (1 - HELD_BACK))
    file.write_bytes(header + b"".join(rest[:kept]))
    (project / "later.csv").write_bytes(header + b"".join(rest[kept:]))
    run(project)
    print(f"{customers:,} customers, {lines:,} order lines\n")


def extracts(project: Path) -> None:
    """Whole, then after a delivery of 1 %."""
    forget(project)
    whole = seconds_of_writing(project)
    row("scopes' files of 5 scopes, whole", [whole], BARS["scopes' files"])
    later = project / "later.csv"
    if later.exists():
        later.rename(project / "raw" / BRAND / "online_retail_made_up_2.csv")
        (project / "access.yml").rename(project / "access.later")  # the run is not to write them
        run(project)
        (project / "access.later").rename(project / "access.yml")
        again = seconds_of_writing(project)
        row(f"after a delivery of 1 %: {again / whole:.0%} (bar 25 %)", [again], whole / 4)


def seconds_of_writing(project: Path) -> float:
    """In a process of its own, as after a run."""
    script = (
        "import time; from mergehouse.access.extract import write_extracts; from mergehouse.access.policy"
        " import load_policy; from mergehouse.project.config import load_project;"
        f" project = load_project({str(project)!r}); began = time.perf_counter();"
        " write_extracts(project, load_policy(project)); print(time.perf_counter() - began)"
    )
    return float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)


def measure(project: Path, server: subprocess.Popen[bytes]) -> None:
    with signed_in() as one:
        first, *rest = painted(str(one.cookies["mergehouse"]))
        row("Executive painted, first", [first], BARS["Executive painted, first"])
        row("Executive painted, warm", rest, BARS["Executive painted, warm"])
        asked = questions(one)
        for what, urls in asked.items():
            bar = BARS["drill-through"] if what.startswith("drill") else BARS["slider and filter, one user"]
            row(f"{what}, one user", [ask(one, url) for url in itertools.islice(urls, QUESTIONS)], bar)
        mixed = itertools.chain.from_iterable(zip(*asked.values(), strict=False))
        urls = list(itertools.islice(mixed, USERS * 10))
        with ThreadPoolExecutor(USERS) as pool:
            row(
                f"all of these, {USERS} users",
                [*pool.map(lambda url: ask(one, url), urls)],
                BARS["slider and filter, 20 users"],
            )
    status = Path(f"/proc/{server.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
    print(f"| server, peak memory in MB | {peak:,.0f} | | {BARS['server']} |")


def questions(client: httpx.Client) -> dict[str, Iterator[str]]:
    """Addresses of each kind, each another one."""
    page = client.get("/customers/list").raise_for_status().text
    keys = re.findall(r'href="(/customers/[0-9a-f]{16})', page)
    days = itertools.product(range(60, 181, 5), range(5, 100, 5))
    periods = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    segments = ("Loyal", "Champions", "At+risk", "Lost", "Hibernating", "Promising", "New+customers")
    pages = itertools.product(segments, range(1, 40))
    return {
        "what-if slider": (f"/what-if?days={d}&chance={p}" for d, p in days),
        "filter of the Executive page": (
            f"/?period={period}&{cut}"
            for cut in ("region=North+Europe", f"brand={BRAND}")
            for period in periods
        ),
        "drill-through, list of a segment": (f"/customers/list?segment={s}&page={p}" for s, p in pages),
        "drill-through, one customer": iter(dict.fromkeys(keys)),
    }


def ask(client: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    client.get(url).raise_for_status()
    return time.perf_counter() - began


@contextmanager
def served(project: Path) -> Iterator[subprocess.Popen[bytes]]:
    people = People(project)
    if not people.users():
        people.add("benchmark", "Benchmark", ["analyst"], PASSWORD)
    server = subprocess.Popen(
        [*COMMAND, "serve", "-C", str(project), "--port", str(PORT), "--allow-root"],
        stdout=subprocess.DEVNULL,
    )
    try:
        until_there(f"http://127.0.0.1:{PORT}/health")
        yield server
    finally:
        server.terminate()
        server.wait()


@contextmanager
def signed_in() -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{PORT}", timeout=60, headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        client.post("/sign-in", data={"name": "benchmark", "password": PASSWORD})
        yield client


def painted(cookie: str) -> list[float]:
    """Seconds from the address to the last chart, in a browser that keeps its cache from the second on."""
    address = f"http://127.0.0.1:{PORT}"
    script = (
        "() => [...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('svg'))"
    )
    return _loads(address, script, {"name": "mergehouse", "value": cookie, "url": address})


def streamlit(project: Path) -> None:
    app = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("streamlit_executive.py"))]
    quiet = ["--server.headless=true", f"--server.port={OTHER_PORT}", "--browser.gatherUsageStats=false"]
    server = subprocess.Popen([*app, *quiet, "--", str(project / "lakehouse")], stdout=subprocess.DEVNULL)
    try:
        until_there(f"http://127.0.0.1:{OTHER_PORT}/_stcore/health")
        script = "() => document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length >= 3"
        first, *rest = _loads(f"http://127.0.0.1:{OTHER_PORT}", script, None)
        row("the same page in Streamlit, first", [first], None)
        row("the same page in Streamlit, warm", rest, None)
    finally:
        server.terminate()
        server.wait()


def _loads(address: str, drawn: str, cookie: Any) -> list[float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        context = browser.new_context()
        if cookie:
            context.add_cookies([cookie])
        seconds = []
        for _ in range(1 + LOADS):
            page = context.new_page()
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_function(drawn)
            seconds.append(time.perf_counter() - began)
            page.close()
        browser.close()
    return seconds


def until_there(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    sys.exit(f"{url} does not answer.")


def run(project: Path) -> None:
    subprocess.run([*COMMAND, "run", "-C", str(project)], check=True, stdout=subprocess.DEVNULL)


def forget(project: Path) -> None:
    folder = project / "serving"
    for inner in folder.rglob("*") if folder.exists() else ():
        if inner.is_dir():
            inner.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def row(what: str, seconds: list[float], bar: float | None) -> None:
    p95 = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    print(f"| {what} | {median(seconds):.3f} | {p95:.3f} | {f'{bar:g}' if bar else ''} |", flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    main()
