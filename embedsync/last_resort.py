"""Where the engine's log lines go as long as the site has no place for them."""

from __future__ import annotations

import logging
import sys

__all__ = ["LastResort"]

_NAME = "embedsync"


class LastResort(logging.Handler):
    """In place of :data:`logging.lastResort`, which writes neither the time nor the level nor who says it.

    A site without a configuration of its own would find bare sentences among the lines of its server. As soon
    as it has a handler anywhere that takes the engine's lines, this one is silent; levels are the site's.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    @classmethod
    def stand_by(cls) -> None:
        """See to it that the engine's loggers have one. Twice changes nothing."""
        logger = logging.getLogger(_NAME)
        if not any(isinstance(each, cls) for each in logger.handlers):
            logger.addHandler(cls())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line to where errors go, unless another handler is there to do it."""
        if logging.lastResort is not None and not self._is_heard(record.name):
            try:
                sys.stderr.write(f"{self.format(record)}\n")
            except Exception:  # noqa: BLE001 - as in `logging.StreamHandler`
                self.handleError(record)

    def _is_heard(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(each is not self for each in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False
