"""Holds back the last share of every fact file of a project's exports, and brings it as a delivery of its own."""

from __future__ import annotations

from pathlib import Path

FACTS = ("online_retail", "_sales.", "_salesitems.", "_customers.")


def hold_back(project: Path, share: float) -> list[tuple[Path, bytes]]:
    """Cuts the last `share` of the lines off the fact files; returns the files to deliver later and their content.

    Only the last of several files of one source is cut: a delivery brings the newest lines.
    """
    held = []
    for folder in sorted((project / "raw").iterdir()):
        newest = {next(f for f in FACTS if f in path.name): path for path in sorted(folder.iterdir()) if any(f in path.name for f in FACTS)}
        for fact, path in newest.items():
            of_source = sum(p.stat().st_size for p in folder.iterdir() if fact in p.name)
            size = path.stat().st_size
            with path.open("r+b") as stream:
                header = stream.readline()
                stream.seek(max(len(header), size - int(of_source * share)))
                stream.readline()  # to the next line's beginning
                cut = stream.tell()
                rest = stream.read()
                stream.truncate(cut)
            name = f"{path.stem}_later{path.suffix}" if fact == "online_retail" else f"later{path.name}"
            held.append((path.with_name(name), header + rest))
    return held


def deliver(held: list[tuple[Path, bytes]]) -> None:
    for path, content in held:
        path.write_bytes(content)
