"""The settings, with their types and defaults. They are read from environment variables and the file `.env`.

The defaults are for development on one machine. If `MICROBLOG_ENV` is "production", a default that is unsafe in
production raises a ConfigurationError, so that the server doesn't start. A test checks that `docs/configuration.md`
lists all settings.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from email.utils import getaddresses
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from app.lib.hosts import canonical_url
from app.lib.locales import canonical
from app.lib.text.names import InvalidName, smtp_address
from app.lib.webpush import keys

ROOT = Path(__file__).resolve().parent.parent
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})
PUSH_SERVICES = (  # of Chromium browsers, Firefox, Safari and Edge
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~-]+)+", re.ASCII)


class ConfigurationError(ValueError):
    """Settings are missing or invalid. The message names each of them."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one server. Each field is named after its environment variable, in lower case."""

    # Where it runs ---------------------------------------------------------------------------------------
    microblog_env: str = "development"  # "development", "production" or "test"
    data_dir: Path = ROOT / "var"  # database, uploads, exports, embedded services
    host: str = "127.0.0.1"  # the address the web server of `make run` listens on
    port: int = 5000
    web_concurrency: int = 2  # web processes
    web_threads: int = 4  # maximum number of requests that one web process handles at a time
    body_timeout: int = 20  # seconds to receive a request body; every 8 kB received adds a second
    public_url: str = ""  # public address of the site, with its URL prefix if any; "" = this machine
    trusted_proxies: int = 0  # number of reverse proxies in front of the app; their X-Forwarded-* headers are trusted

    # Secrets and stores ----------------------------------------------------------------------------------
    secret_key: str = ""  # signs cookies and links; "" = generated once and kept in DATA_DIR
    former_secret_keys: tuple[str, ...] = ()  # earlier values of SECRET_KEY, to verify old reports
    database_url: str = ""  # "" = SQLite in DATA_DIR
    prepared_statements: bool = True  # in connections to PostgreSQL; off behind an old PgBouncer
    sqlite_timeout: int = 5  # seconds that a transaction waits for SQLite's write lock before it fails
    sql_log: bool = False  # write each SQL statement to the log, without its values
    redis_url: str = "redis://127.0.0.1:6379/0"  # `make run` sets it to the embedded server

    # Email -----------------------------------------------------------------------------------------------
    mail_server: str = ""  # "" = `make run` starts a mail sink and shows its emails on a page
    mail_port: int = 25
    mail_page: str = ""  # URL of that page, which "Check your email" links to; set by `make run`
    mail_username: str = ""
    mail_password: str = ""
    mail_use_tls: bool = False
    mail_use_ssl: bool = False
    mail_default_sender: str = "Microblog <noreply@localhost>"
    mail_unicode_addresses: bool = False  # allow addresses like müller@example.org; needs SMTPUTF8 on MAIL_SERVER
    mail_timeout: int = 20  # seconds for each step of the SMTP dialogue with MAIL_SERVER
    message_mail_delay: int = 60  # seconds before a message or event is emailed; not emailed if read by then
    mail_daily_cap: int = 20  # emails about events per day and member, not counting essential ones; 0 = no cap
    mail_daily_cap_site: int = 0  # the same for all members together, if the mail provider has a limit; 0 = no cap
    admins: tuple[str, ...] = ()  # receive an email when a request or a job fails unexpectedly

    # Web Push ------------------------------------------------------------------------------------------------
    vapid_private_key: str = ""  # from `flask push-key`; "" = generated (in production: no Web Push)
    push_hosts: tuple[str, ...] = PUSH_SERVICES  # the only push services that are contacted

    # What members see ------------------------------------------------------------------------------------
    languages: tuple[str, ...] = ()  # offered languages; () = all that are translated well enough
    languages_from_percent: int = 70  # percent of a catalog that must be translated for its language to be offered
    translations_dir: Path = ROOT / "translations"  # directory of the catalogs
    posts_per_page: int = 25
    post_max_length: int = 500  # grapheme clusters: characters as readers see them
    post_visibility: str = "members"  # who can see posts by default: "members" or "followers"
    message_max_length: int = 2000
    poll_interval: int = 10  # seconds between two polls of one browser
    activity_days: int = 90  # days that read events stay on the Activity page; unread ones stay for ever
    export_days: int = 7  # days that an export can be downloaded; at most 14
    sealed_days: int = 14  # days that a message deleted for everyone can still be reported; 0 = deleted at once

    # Translation of posts --------------------------------------------------------------------------------
    translate_url: str = ""  # a LibreTranslate-compatible server; "" hides "Translate"
    translate_api_key: str = ""
    translate_timeout: int = 5  # seconds

    # Operation --------------------------------------------------------------------------------------------
    metrics_token: str = ""  # token that a monitoring system sends to read /metrics; "" = no such page

    # Limits ----------------------------------------------------------------------------------------------
    image_seconds: int = 1  # CPU seconds for processing one uploaded image; a web thread waits for it
    ratelimit_enabled: bool = True

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environ`, or by default from environment variables and `.env`.

        Environment variables override `.env`. Raises a ConfigurationError that names the missing or invalid settings.
        """
        if environ is None:
            from_file = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}
            environ = {**from_file, **os.environ}
        values: dict[str, Any] = {}
        faults: list[str] = []
        for field in fields(cls):
            raw = environ.get(field.name.upper())
            if raw is None:
                continue
            try:
                values[field.name] = _parse(raw.strip(), str(field.type))
            except ValueError as error:
                faults.append(f"{field.name.upper()} {error}")
        if faults:
            raise ConfigurationError("; ".join(faults))
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        faults = list(self._faults())
        if faults:
            raise ConfigurationError("; ".join(faults))

    def _faults(self) -> list[str]:
        faults = []
        if self.microblog_env not in {"development", "production", "test"}:
            faults.append("MICROBLOG_ENV must be development, production or test")
        for name in (
            "web_threads",
            "body_timeout",
            "image_seconds",
            "activity_days",
            "poll_interval",
            "posts_per_page",
            "post_max_length",
            "message_max_length",
        ):
            if getattr(self, name) < 1:
                faults.append(f"{name.upper()} must be at least 1")
        if self.post_visibility not in {"members", "followers"}:
            faults.append("POST_VISIBILITY must be members or followers")
        faults.extend(self._language_faults())
        if self.export_days > 14:  # finished jobs, which have the download links, are kept for 14 days
            faults.append("EXPORT_DAYS must be 14 or less")
        if self.public_url and not self.public_url.lower().startswith(("http://", "https://")):
            faults.append("PUBLIC_URL must start with http:// or https://")
        elif self.public_url and not _is_site(self.public_url):
            faults.append("PUBLIC_URL must be a host and perhaps a path, as in https://example.org/blog")
        faults.extend(self._address_faults())
        if self.mail_use_tls and self.mail_use_ssl:
            faults.append("MAIL_USE_TLS and MAIL_USE_SSL exclude each other")
        if self.vapid_private_key and not keys.is_private_key(self.vapid_private_key):
            faults.append("VAPID_PRIVATE_KEY must be what `flask push-key` prints")
        if self.microblog_env == "production":
            faults.extend(self._not_for_production())
        return faults

    def _address_faults(self) -> list[str]:
        """Return error messages for invalid addresses in ADMINS and MAIL_DEFAULT_SENDER.

        Without this check, the site would start, but sending an email would fail.
        """
        faults = [
            f"ADMINS must be addresses without names: {address!r} is none"
            for address in self.admins
            if not _is_address(address)
        ]
        senders = getaddresses([self.mail_default_sender])
        if len(senders) != 1 or not _is_address(senders[0][1]):
            faults.append('MAIL_DEFAULT_SENDER must be one address, as in "The blog, Inc." <noreply@example.org>')
        return faults

    def _language_faults(self) -> list[str]:
        faults = []
        for code in self.languages:
            try:
                canonical(code)
            except ValueError as error:
                faults.append(f"LANGUAGES: {error}")
        if self.languages_from_percent > 100:
            faults.append("LANGUAGES_FROM_PERCENT must be 100 or less")
        return faults

    def _not_for_production(self) -> list[str]:
        faults = []
        if len(self.secret_key) < 32:
            faults.append("SECRET_KEY must be set in production, 32 characters or more")
        if not self.public_url.startswith("https://"):
            faults.append("PUBLIC_URL must be set in production, and start with https://")
        if not self.database_url:
            faults.append("DATABASE_URL must be set in production")
        if not self.mail_server:
            faults.append("MAIL_SERVER must be set in production")
        if self.mail_default_sender.endswith("@localhost>"):
            faults.append("MAIL_DEFAULT_SENDER must be set in production")
        if 0 < len(self.metrics_token) < 16:
            faults.append("METRICS_TOKEN must have 16 characters or more in production")
        if not self.ratelimit_enabled:
            faults.append("RATELIMIT_ENABLED must not be off in production")
        if LOOPBACK & set(self.push_hosts):
            faults.append("PUSH_HOSTS must not name this machine in production")
        return faults

    @property
    def site_url(self) -> str:
        """The public URL of the site, without a trailing slash."""
        return canonical_url(self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL for SQLAlchemy: DATABASE_URL, or the SQLite file in DATA_DIR.

        Heroku's `postgres://` becomes `postgresql://`, which SQLAlchemy requires.
        """
        if not self.database_url:
            return f"sqlite:///{self.data_dir / 'microblog.db'}"
        if self.database_url.startswith("postgres://"):
            return "postgresql://" + self.database_url.removeprefix("postgres://")
        return self.database_url

    def secret(self) -> str:
        """Return SECRET_KEY. If it is not set, return a key that is generated once and stored in DATA_DIR.

        Raises ConfigurationError if the stored key is damaged.
        """
        if self.secret_key:
            return self.secret_key
        path, secret = self._kept("secret_key", lambda: secrets.token_urlsafe(48))
        if len(secret) < 32:
            raise ConfigurationError(f"{path} is damaged: delete it to have a new one made")
        return secret

    def vapid_key(self) -> str:
        """Return VAPID_PRIVATE_KEY. If it is not set, return a key that is generated once and stored in DATA_DIR.

        In production, no key is generated, and "" is returned instead: if a site runs on several hosts, all of them
        must have the same key. Raises ConfigurationError if the stored key is damaged.
        """
        if self.vapid_private_key or self.microblog_env == "production":
            return self.vapid_private_key
        path, key = self._kept("vapid_private_key", keys.new_private_key)
        if not keys.is_private_key(key):
            raise ConfigurationError(f"{path} is damaged: delete it to have a new one made")
        return key

    def _kept(self, name: str, make: Callable[[], str]) -> tuple[Path, str]:
        """Return the path and content of the file `name` in DATA_DIR.

        If the file doesn't exist, create it with the result of `make()`. Only the file's owner can read it.
        """
        path = self.data_dir / name
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            part = path.with_name(f"{name}.{os.getpid()}")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(make())
            with suppress(FileExistsError):  # if several processes start at once, all use the first one's secret
                os.link(part, path)
            part.unlink()
        return path, path.read_text().strip()


def is_prefix(path: str) -> bool:
    """Return whether `path` can be a URL prefix, such as "/blog" or "/a/b".

    Trailing slashes, percent escapes and dot segments are not allowed.
    """
    return _PREFIX.fullmatch(path) is not None


def _is_site(url: str) -> bool:
    """Return whether `url` has a host, and after it at most a port and a URL prefix."""
    try:
        host = urlsplit(canonical_url(url)).hostname
    except ValueError:
        return False
    parts = urlsplit(url)
    prefix = parts.path.rstrip("/")
    return bool(host) and "@" not in parts.netloc and not {"?", "#"} & set(url) and (not prefix or is_prefix(prefix))


def _is_address(text: str) -> bool:
    try:
        smtp_address(text)
    except InvalidName:
        return False
    return True


def _parse(raw: str, kind: str) -> Any:
    """Convert the text of a setting to the type named `kind`. Raises ValueError, with the reason, for invalid text."""
    if kind == "bool":
        if raw.lower() in TRUE_WORDS | FALSE_WORDS:
            return raw.lower() in TRUE_WORDS
        raise ValueError("must be 1 or 0")
    if kind == "int":
        if not (raw.isascii() and raw.isdigit()):
            raise ValueError("must be a whole number, 0 or more")
        return int(raw)
    if kind == "Path":
        return Path(raw).expanduser().resolve()
    if kind.startswith("tuple"):
        return tuple(word for word in raw.replace(",", " ").split() if word)
    return raw
