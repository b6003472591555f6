"""Settings from the environment, and a production server that refuses to start half-configured."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from app.config import ROOT, ConfigurationError, Settings
from app.lib.webpush.keys import new_private_key

PRODUCTION = {
    "MICROBLOG_ENV": "production",
    "SECRET_KEY": "k" * 40,
    "PUBLIC_URL": "https://blog.example",
    "DATABASE_URL": "postgresql://localhost/microblog",
    "MAIL_SERVER": "smtp.example",
    "MAIL_DEFAULT_SENDER": "Blog <post@blog.example>",
}


def test_empty_environment_uses_embedded_defaults():
    settings = Settings.from_env({})
    assert settings.sqlalchemy_url.startswith("sqlite:////")
    assert settings.site_url == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://BLOG.example:8443/Blog/", "https://blog.example:8443/Blog"),
        ("https://müller.example/blog", "https://xn--mller-kva.example/blog"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://blog.example.", "https://blog.example"),
        ("http://[2001:0DB8:0::1]:5000", "http://[2001:db8::1]:5000"),
    ],
)
def test_site_url_has_the_host_in_the_form_browsers_send(url, site):
    assert Settings.from_env({"PUBLIC_URL": url}).site_url == site


def test_values_are_parsed_to_their_types():
    settings = Settings.from_env(
        {
            "PORT": "8080",
            "MAIL_USE_TLS": "yes",
            "RATELIMIT_ENABLED": "0",
            "ADMINS": "a@x.org, b@x.org",
            "LANGUAGES": "en es",
        }
    )
    assert (settings.port, settings.mail_use_tls, settings.ratelimit_enabled) == (8080, True, False)
    assert settings.admins == ("a@x.org", "b@x.org")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "٨٠"),
        ("MAIL_USE_TLS", "maybe"),
        ("POLL_INTERVAL", "0"),
        ("POSTS_PER_PAGE", "0"),
        ("PUBLIC_URL", "blog.example"),
        ("PUBLIC_URL", "https://blog.example:99999"),
        ("PUBLIC_URL", "http://[2001:db8::1::2]"),
        ("PUBLIC_URL", "https://b\u00ad\u2028log.example"),
        ("ADMINS", "Ana <ana@example.org>"),
        ("ADMINS", "ana@example.org;ben@example.org"),
        ("MAIL_DEFAULT_SENDER", "Blog, Inc. <noreply@blog.example>"),
        ("MAIL_DEFAULT_SENDER", "noreply"),
        ("MAIL_DEFAULT_SENDER", "a@blog.example, b@blog.example"),
        ("MICROBLOG_ENV", "prod"),
        ("EXPORT_DAYS", "30"),
        ("VAPID_PRIVATE_KEY", "c2hvcnQ"),
    ],
)
def test_invalid_value_is_rejected_with_the_name_of_the_setting(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_env({name: value})


def test_guessable_metrics_token_is_rejected_in_production():
    with pytest.raises(ConfigurationError, match="METRICS_TOKEN"):
        Settings.from_env({**PRODUCTION, "METRICS_TOKEN": "short"})


def test_production_starts_when_everything_is_set():
    assert Settings.from_env(PRODUCTION).microblog_env == "production"


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "MICROBLOG_ENV"])
def test_production_rejects_missing_settings_by_name(name):
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_env(environ)


def test_production_rejects_weak_values():
    weak = {
        "SECRET_KEY": "short",
        "PUBLIC_URL": "http://blog.example",
        "RATELIMIT_ENABLED": "0",
        "PUSH_HOSTS": "push.example 127.0.0.1",
    }
    for name, value in weak.items():
        with pytest.raises(ConfigurationError, match=name):
            Settings.from_env(PRODUCTION | {name: value})


@pytest.mark.slow
def test_server_reports_missing_production_settings(tmp_path):
    environ = {"MICROBLOG_ENV": "production", "DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "app.run"]
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "SECRET_KEY must be set in production" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_generated_secret_is_kept_in_a_private_file(tmp_path):
    settings = replace(Settings(), data_dir=tmp_path)
    assert settings.secret() == settings.secret()
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_damaged_secret_is_rejected(tmp_path):
    (tmp_path / "secret_key").write_text("x")
    with pytest.raises(ConfigurationError, match="damaged"):
        replace(Settings(), data_dir=tmp_path).secret()


def test_vapid_key_is_generated_except_in_production(tmp_path):
    settings = replace(Settings(), data_dir=tmp_path)
    assert settings.vapid_key() == settings.vapid_key()
    assert stat.S_IMODE((tmp_path / "vapid_private_key").stat().st_mode) == 0o600
    own = new_private_key()
    assert replace(settings, vapid_private_key=own).vapid_key() == own
    production = Settings.from_env({**PRODUCTION, "DATA_DIR": str(tmp_path)})
    assert production.vapid_key() == ""
    assert Settings.from_env({**PRODUCTION, "VAPID_PRIVATE_KEY": own}).vapid_key() == own
    (tmp_path / "vapid_private_key").write_text("x")
    with pytest.raises(ConfigurationError, match="damaged"):
        settings.vapid_key()


def test_postgres_url_scheme_is_accepted():
    assert Settings(database_url="postgres://h/d").sqlalchemy_url == "postgresql://h/d"


def test_cookies_are_secure_on_a_public_site(make_app):
    app = make_app(public_url="https://microblog.test")
    assert app.config["SESSION_COOKIE_SECURE"]
    assert app.config["REMEMBER_COOKIE_SECURE"]
    answer = app.test_client().get("/auth/login", base_url="https://microblog.test")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
