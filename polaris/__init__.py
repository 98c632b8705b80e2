"""Polaris: EV charging in real time. `create_app` wires the web together.

Its imports are inside the function, so that the bridge, which imports `polaris.*` too, loads no Flask.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from flask import Flask

    from polaris.config import Config
    from polaris.services import Services

BOOT_FAILED = 3  # on this exit code gunicorn stops; after any other it would start workers for ever


def create_app(config: Config | None = None) -> Flask:
    """Make the app. A setting that cannot be used ends the process with one line on standard error."""
    from flask import Flask

    from polaris import cli
    from polaris.rendering import (
        audit_words,
        behaviour_text,
        bulk_words,
        commissioning_words,
        devices,
        filters,
        fragments,
        price_words,
        translations,
    )
    from polaris.services import NAME
    from polaris.web import (
        compression,
        errors,
        installable,
        languages,
        lists,
        page_guards,
        security,
        security_events,
        static_files,
        streams,
    )
    from polaris.web.attention import fragments as attention_fragments
    from polaris.web.blueprints import BLUEPRINTS
    from polaris.web.chargers import alarm_text, message_text
    from polaris.web.fleet import fragments as fleet_fragments
    from polaris.web.home import fragments as home_fragments
    from polaris.web.row_ids import RowId
    from polaris.web.sessions import fragments as session_fragments

    services = _services(config)
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.jinja_options = {"cache_size": -1}  # all templates, and no lock around them
    app.extensions[NAME] = services
    app.url_map.converters["id"] = RowId
    translations.init_app(app, languages.of_request)
    for words in (
        fragments,
        filters,
        price_words,
        audit_words,
        bulk_words,
        commissioning_words,
        behaviour_text,
        devices,
        session_fragments,
        fleet_fragments,
        home_fragments,
        attention_fragments,
        message_text,
        alarm_text,
    ):
        words.register(app)
    static_files.init_app(app)
    security.init_app(app, services.config)
    security_events.init_app(app, services.config)
    page_guards.init_app(app)
    lists.init_app(app)
    languages.init_app(app)
    errors.init_app(app)
    installable.init_app(app)
    compression.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    streams.init_app(app, services.config, services.ingest)
    cli.init_app(app)
    return app


def _services(config: Config | None) -> Services:
    from datetime import timedelta
    from functools import partial
    from pathlib import Path

    from polaris import models
    from polaris.attention import Reader
    from polaris.config import Config, ConfigError
    from polaris.database_watch import DatabaseWatch
    from polaris.ingest import Ingest
    from polaris.ocpp_log.tail import Tails
    from polaris.pubsub import Publisher
    from polaris.services import Services
    from polaris.web.fleet import topic

    try:
        config = config or Config.from_env(_environment())
    except ConfigError as error:
        _end(str(error))
    try:
        models.connect(config.database_url)
    except (OSError, ValueError) as error:
        _end(f"DATABASE_URL cannot be used: {error}.")
    try:
        publisher = Publisher(config.redis_url)
    except ValueError as error:
        _end(f"REDIS_URL cannot be used: {error}.")
    tails = Tails(Path(config.frames_dir) if config.frames_mb else None)
    reader = Reader(config.directories)
    matching = partial(topic.matching, stale_after=timedelta(seconds=config.stale_after_s))
    return Services(config, publisher, Ingest(config, publisher), tails, DatabaseWatch(), reader, matching)


def _environment() -> Mapping[str, str]:
    """Read the process's environment; a command of `flask` also finds the settings that `make run` left."""
    import os

    import click

    from polaris import development

    return development.with_saved(os.environ) if click.get_current_context(silent=True) else os.environ


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(BOOT_FAILED)
