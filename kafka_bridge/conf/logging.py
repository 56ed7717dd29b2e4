"""Structured logs: one line an event, JSON in production, readable on a terminal."""

import sys
from typing import Any, Final

# A developer's tool may have installed it. structlog would load it for tracebacks that we do not
# write, and each process would have 5 MB more.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # None: "not there"

import structlog  # noqa: E402 - after that

_CELERY_TASK_LOGGERS: Final = ("celery.app.trace", "celery.beat", "celery.worker.strategy")

_TRACEBACKS_WITHOUT_LOCALS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def logging_config(*, level: str, json: bool) -> dict[str, Any]:
    """Build Django's LOGGING so that structlog and the standard library write alike."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Tracebacks without the frames' variables: those hold keys, client secrets and names.
    renderers: list[Any] = (
        [_TRACEBACKS_WITHOUT_LOCALS, structlog.processors.JSONRenderer()]
        if json
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderers,
                ],
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "stripe": {"level": "WARNING"},
            "django.server": {"handlers": [], "propagate": True},
            # A task is only a hint, given every second: the bridge's own logs tell what was done.
            **{name: {"level": "WARNING"} for name in _CELERY_TASK_LOGGERS},
        },
    }
