"""What `mergehouse serve` does, as lines of JSON on standard error; who saw what is in the audit."""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback

log = logging.getLogger("mergehouse.serve")


class Line(logging.Formatter):
    """A record as one line: when, level, what, and what else it was given as `extra={"more": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "when": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "what": record.getMessage(),
        } | getattr(record, "more", {})
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, default=str)


def begin_log() -> None:
    """From now on this process writes such lines, also for what uvicorn says."""
    handler = logging.StreamHandler()
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(logging.INFO)
