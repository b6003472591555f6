"""The application factory. `create_app()` configures the app and registers extensions, blueprints and middleware."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import accounts, activity, delivery, lists, messages, moderation, polling, posts, privacy, profiles, tasks
from app.catalogs.loading import Catalogs, load_all
from app.config import Settings
from app.core import postgresql, redis_client
from app.core.i18n import offered_languages
from app.extensions import bootstrap, db, limiter, mail
from app.web import (
    assets,
    bodies,
    canonical,
    compression,
    cookies,
    error_pages,
    headers,
    metrics,
    pages,
    template_cache,
    viewer,
)
from app.web.csrf import csrf
from app.web.host_check import HostMiddleware
from app.web.request_buffering import RequestBuffering

FEATURES = (accounts, posts, profiles, lists, messages, activity, polling, delivery, privacy, moderation, tasks)


def create_app(settings: Settings | None = None) -> Flask:
    """Create the app. By default, read the settings from the environment.

    Raises ConfigurationError if a setting is missing or invalid.
    """
    settings = settings or Settings.from_env()
    if not settings.database_url:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = Flask(__name__, static_url_path="/static", static_folder=None)  # WhiteNoise serves static files
    catalogs = load_all(settings.translations_dir, settings.data_dir / "catalogs")
    app.config.from_mapping(flask_config(settings, catalogs))
    app.extensions["catalogs"] = catalogs
    for line in catalogs.summaries():
        app.logger.warning("%s", line)
    app.session_interface = cookies.TimelessSessionInterface()

    compression.init_app(app)  # first, so that its after_request function runs last
    template_cache.init_app(app)
    db.init_app(app)
    mail.init_app(app)
    bootstrap.init_app(app)
    app.before_request(viewer.choose_mode)  # before everything that uses the database
    bodies.init_app(app)  # before the CSRF check, which reads the form
    csrf.init_app(app)
    limiter.init_app(app)
    redis_client.init_app(app)

    viewer.init_app(app)
    pages.init_app(app)
    canonical.init_app(app)
    headers.init_app(app)
    error_pages.init_app(app)
    app.register_blueprint(metrics.bp)
    for feature in FEATURES:
        app.register_blueprint(feature.bp)
    assets.init_app(app)
    polling.answer_idle_polls(app)
    take_requests(app)
    return app


def take_requests(app: Flask) -> None:
    """Wrap the WSGI app in the middleware that handles each request before Flask does.

    The middleware reads the body, applies the X-Forwarded-* headers of trusted proxies, and checks the Host header.
    """
    hops: int = app.config["TRUSTED_PROXIES"]
    front = HostMiddleware(app.wsgi_app, app.config["PUBLIC_URL"], app.config["ANSWER_HEADERS"], trusted_proxies=hops)
    app.wsgi_app = front  # type: ignore[method-assign]  # as Flask documents it
    if hops:
        app.wsgi_app = ProxyFix(front, hops, hops, hops, 0, 0)  # type: ignore[method-assign]
    threads, timeout = app.config["WEB_THREADS"], app.config["BODY_TIMEOUT"]
    intake = RequestBuffering(app.wsgi_app, threads=threads, timeout=timeout, behind_proxy=bool(hops))
    app.wsgi_app = intake  # type: ignore[method-assign]


def flask_config(settings: Settings, catalogs: Catalogs) -> dict[str, object]:
    """Return the values for `app.config`: all settings in upper case, and the options of Flask and its extensions."""
    own = {name.upper(): value for name, value in vars(settings).items()}
    secure = settings.site_url.startswith("https://")
    return own | {
        "SETTINGS": settings,
        "SITE_URL": settings.site_url,
        "SECRET_KEY": settings.secret(),
        "VAPID_PRIVATE_KEY": settings.vapid_key(),
        "LANGUAGES": offered_languages(settings.languages, catalogs.offered(settings.languages_from_percent)),
        "TESTING": settings.microblog_env == "test",
        "MAX_CONTENT_LENGTH": 6 * 1024 * 1024,  # bytes: an avatar of up to 5 MB and the rest of its form
        "MAX_FORM_MEMORY_SIZE": 256 * 1024,
        # Cookies
        "SESSION_COOKIE_NAME": "microblog_session",  # the cookie's path is the URL prefix (app/web/cookies.py)
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_REFRESH_EACH_REQUEST": False,  # so that polls set no cookie
        "REMEMBER_COOKIE_NAME": "microblog_remember",
        "REMEMBER_COOKIE_PATH": urlsplit(settings.site_url).path or "/",
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": secure,
        # Extensions
        "SQLALCHEMY_DATABASE_URI": settings.sqlalchemy_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {
            **_connections(settings),
            "echo": settings.sql_log,
            "hide_parameters": True,  # SQL parameters, such as messages, must not be logged or emailed with errors
        },
        "BABEL_DEFAULT_LOCALE": "en",
        "BOOTSTRAP_SERVE_LOCAL": True,
        "WTF_CSRF_TIME_LIMIT": None,  # a form may stay open for days; its token is valid as long as the session
        "WTF_CSRF_SSL_STRICT": secure,
        "MAIL_SUPPRESS_SEND": False,
        "RATELIMIT_STORAGE_URI": settings.redis_url,
        "RATELIMIT_STORAGE_OPTIONS": redis_client.CLIENT_OPTIONS,
        "RATELIMIT_STRATEGY": "moving-window",
        # While Redis is unavailable, each process counts in its own memory, and the site keeps working.
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_SWALLOW_ERRORS": True,
        "RATELIMIT_HEADERS_ENABLED": True,
    }


def _connections(settings: Settings) -> dict[str, object]:
    """Return SQLAlchemy's engine options for connections to the database."""
    url = settings.sqlalchemy_url
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": settings.sqlite_timeout}}
    return postgresql.engine_options(url, threads=settings.web_threads, prepare=settings.prepared_statements)
