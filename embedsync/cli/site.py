"""The apps of the command line as a site: a hub with its pages, ready to be served."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from embedsync.asgi import application
from embedsync.asgi.page_options import PageOptions
from embedsync.asgi.protocol import ASGIApplication
from embedsync.cli.auth_module import AuthModule, load_auth_module, user_in_scope
from embedsync.cli.forwarded import Forwarded
from embedsync.cli.icon import with_icon
from embedsync.cli.index import index_template
from embedsync.cli.options import ServeOptions, hosts_of, name_apps, origins_of, paths_of
from embedsync.cli.places import Place, prefix_of
from embedsync.cli.shown import shown_request
from embedsync.cli.surroundings import Surroundings
from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.settings import Settings

__all__ = ["Site", "make_site"]

logger = logging.getLogger("embedsync.cli")

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Site:
    """What is served.

    Attributes:
        hub: its apps and sessions.
        application: makes, of the place where it is served, the application with its pages and sockets.
    """

    hub: Hub
    application: Callable[[Place], ASGIApplication]


def make_site(
    options: ServeOptions,
    around: Surroundings,
    secret_key: str,
    pages: PageOptions | None = None,
    *,
    asset_url: Callable[[str], str] = str,
) -> Site:
    """Load the apps and see to their pages.

    Raises:
        ConfigurationError: an app or an option is not usable.
    """
    prefix = prefix_of(options)
    origins = origins_of(around.allowed_origins)
    # Scripts that read their arguments must not find ours. Those of --args come with the app.
    del sys.argv[1:]
    auth = None if around.auth_module is None else load_auth_module(around.auth_module)
    hub = Hub(secret_key, _settings(options, around, origins, _logout_url(auth, prefix)), asset_url=asset_url)
    for name, path in apps_of(options).items():
        hub.add_app(
            name,
            path,
            argv=options.app_arguments,
            script_tag=True,
            script_arguments=None,
            prebuild=options.prebuild,
        )
    page_options = _with_options(pages or PageOptions(), options, around, prefix)
    shown = shown_request(options)

    def application_at(place: Place) -> ASGIApplication:
        site: ASGIApplication = application(
            hub,
            user_loader=user_in_scope,
            pages=True,
            prefix=prefix,
            hosts=_hosts(place, origins),
            content_policy=options.content_policy,
            allow_eval=options.allow_eval,
            page_options=page_options,
            shown=shown,
        )
        if auth is not None:
            # Its handlers are Tornado's, which nobody else needs.
            from embedsync.cli.authenticated import Authenticated, Secrets

            secrets = Secrets(around.cookie_secret, around.xsrf_cookies)
            site = Authenticated(site, hub, auth, prefix, secrets)
        return Forwarded(site) if options.use_forwarded else site

    return Site(hub, application_at)


def apps_of(options: ServeOptions) -> Mapping[str, Path]:
    """The paths of the apps by their names.

    Raises:
        ConfigurationError: two have the same name, or a pattern matches nothing.
    """
    return name_apps(paths_of(options))


def _logout_url(auth: AuthModule | None, prefix: str) -> str | None:
    if auth is None or auth.logout_url is None:
        return None
    if auth.logout_url.startswith(("http://", "https://", "//")):
        return auth.logout_url
    return f"{prefix}/{auth.logout_url.lstrip('/')}"


def _settings(
    options: ServeOptions, around: Surroundings, origins: tuple[str, ...], logout_url: str | None
) -> Settings:
    defaults = Settings()
    if around.sign_sessions and around.secret_key is None:
        raise ConfigurationError(
            "signed sessions need a key that others can sign with: set BOKEH_SECRET_KEY, to what "
            "`embedsync secret` prints"
        )
    if options.session_ids == "external-signed":
        raise ConfigurationError(
            "--session-ids external-signed: pages open sessions by tickets that are made here; use "
            "--session-ids signed, which takes ids that others have signed, too"
        )
    return Settings(
        tune_interpreter=True,
        debug=options.debug,
        authority=options.authority,
        accelerate=options.accelerate,
        allowed_origins=origins,
        # Bokeh's server lets them in.
        cookies_without_origin=options.authority == "compat",
        workers=options.threads,
        workers_limit=max(defaults.workers_limit, options.threads),
        grace=_grace(options) or defaults.grace,
        heartbeat=_heartbeat(options) or defaults.heartbeat,
        ticket_age=float(options.token_expiration),
        message_bytes=options.message_bytes,
        opening_message_bytes=min(defaults.opening_message_bytes, options.message_bytes),
        stop_timeout=options.stop_timeout,
        logout_url=logout_url,
        stock_clients=True,
        stock_unsigned=not around.sign_sessions,
    )


def _grace(options: ServeOptions) -> float | None:
    if options.check_unused_milliseconds is not None:
        logger.info("--check-unused-sessions has no effect: sessions end when their time has come")
    if options.unused_milliseconds is None:
        return options.grace
    if options.grace is not None:
        raise ConfigurationError("--grace and --unused-session-lifetime say the same; give one of them")
    return options.unused_milliseconds / 1000


def _heartbeat(options: ServeOptions) -> float | None:
    if options.keep_alive_milliseconds is None:
        return None
    if options.keep_alive_milliseconds == 0:
        logger.warning(
            "--keep-alive 0: pings are how lost browsers and lost messages are noticed, so they go on, "
            "every %.0f s",
            Settings().heartbeat,
        )
        return None
    return options.keep_alive_milliseconds / 1000


def _with_options(
    pages: PageOptions, options: ServeOptions, around: Surroundings, prefix: str
) -> PageOptions:
    decided = replace(
        pages,
        index=not options.disable_index,
        redirect_index=not options.disable_index_redirect,
        render_index=None if options.index is None else index_template(options.index, prefix),
    )
    return with_icon(decided, around.icon)


def _hosts(place: Place, origins: tuple[str, ...]) -> tuple[str, ...]:
    if not place.is_local or "*" in origins:
        return ()
    return (*_LOOPBACK, place.address.lower(), *hosts_of(origins))
