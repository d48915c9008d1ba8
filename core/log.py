"""Logging: constant events with data as fields, ids bound once at the door. Never words, names or tokens of people."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up_logging(level: str) -> None:
    """JSON lines to standard output, columns when that is a terminal. Call once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stdout.isatty()
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    tracebacks: list[structlog.typing.Processor] = [] if terminal else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *tracebacks, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard module; aiohttp's access log is ours to write (see gateway/http/kit.py).
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stdout,
        format='{"event": "library", "logger": "%(name)s", "level": "%(levelname)s", "detail": "%(message).200s"}',
    )
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
