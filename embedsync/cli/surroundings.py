"""What the environment and the configuration files of Bokeh say where the command line says nothing.

Bokeh's own settings object reads them: an option comes first, then the file of ``--use-config``, a variable
``BOKEH_…``, the file ``~/.bokeh/bokeh.yaml``, and last what is usual.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedsync.cli.options import ServeOptions
from embedsync.errors import ConfigurationError

__all__ = ["Surroundings", "surroundings"]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Options that may come from elsewhere, with what holds of them in the end.

    Attributes:
        log_level: as :mod:`logging` counts them.
        port: to listen on.
        allowed_origins: as they were written.
        certificate: path of the certificate; ``None`` for http.
        certificate_key: path of its key, if that is in another file.
        certificate_password: of the key.
        icon: path of the icon; ``"none"`` for none; ``None`` for ours.
        secret_key: signs tickets; ``None`` if nobody has named one.
        auth_module: path of the file that says who a visitor is.
        cookie_secret: signs cookies that it sets.
        xsrf_cookies: whether its forms must carry a token.
        sign_sessions: whether names of sessions must be signed.
    """

    log_level: int
    port: int
    allowed_origins: tuple[str, ...]
    certificate: str | None
    certificate_key: str | None
    certificate_password: str | None
    icon: str | None
    secret_key: str | None
    auth_module: str | None
    cookie_secret: str | None
    xsrf_cookies: bool
    sign_sessions: bool


def surroundings(options: ServeOptions) -> Surroundings:
    """Find out what holds.

    Raises:
        ConfigurationError: the file of ``--use-config`` or the value of a variable is not usable.
    """
    if options.config is not None:
        _load(options.config)
    try:
        return _read(options)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigurationError(f"a setting of Bokeh, from a BOKEH_… variable or a file: {error}") from error


def _load(path: str) -> None:
    if not Path(path).is_file():
        raise ConfigurationError(f"--use-config: there is no file {path!r}")
    from bokeh.settings import settings

    try:
        settings.load_config(path)
    except Exception as error:  # Whatever the parser raises, the file is at fault.
        raise ConfigurationError(f"--use-config {path}: {error}") from error


def _read(options: ServeOptions) -> Surroundings:
    from bokeh.settings import settings

    level = settings.py_log_level(options.log_level)
    port = options.port if options.port is not None else int(settings.default_server_port())
    return Surroundings(
        # There is nothing below debug here.
        log_level=logging.INFO if level is None else max(int(level), logging.DEBUG),
        port=port,
        allowed_origins=options.allowed_origins or tuple(settings.allowed_ws_origin()),
        certificate=settings.ssl_certfile(options.certificate),
        certificate_key=settings.ssl_keyfile(options.certificate_key),
        certificate_password=settings.ssl_password(),
        icon=_icon(options),
        secret_key=os.environ.get("EMBEDSYNC_SECRET_KEY") or settings.secret_key(),
        auth_module=settings.auth_module(options.auth_module),
        cookie_secret=settings.cookie_secret(options.cookie_secret),
        xsrf_cookies=bool(settings.xsrf_cookies(options.xsrf_cookies or None)),
        sign_sessions=_signs(options),
    )


def _icon(options: ServeOptions) -> str | None:
    from bokeh.settings import settings

    given: Any = settings.ico_path(options.icon)
    # What Bokeh takes by itself is Bokeh's own icon; we have one, too.
    return None if given == settings.ico_path("default") else str(given)


def _signs(options: ServeOptions) -> bool:
    if options.session_ids is not None:
        return options.session_ids != "unsigned"
    from bokeh.settings import settings

    value: Any = settings.sign_sessions()
    # A variable comes as text, which Bokeh does not convert.
    return value if isinstance(value, bool) else str(value).strip().lower() in ("yes", "on", "true", "1")
