"""The template context of every page (language, direction, theme, badges), and its template functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from babel.support import NullTranslations, Translations
from flask import Blueprint, Flask, current_app, has_request_context, request, session, url_for
from flask_babel import get_locale
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms.i18n import messages_path

from app.core.i18n import SESSION_KEY, SOURCE, languages, request_language, zone_of_reader
from app.core.time import now
from app.extensions import babel
from app.lib.locales import direction, language_name, tag
from app.models import User
from app.notifications import preferences
from app.notifications.quiet_hours import Hours, next_allowed, next_quiet_from
from app.web import filters, fragments, js_strings, urls
from app.web.responses import go_back
from app.web.viewer import viewer_or_none, visit, writes_late

bp = Blueprint("web", __name__)


@dataclass(frozen=True)
class PageContext:
    """The template variable `page`. Each property is computed when a template uses it."""

    viewer: User | None

    @cached_property
    def lang(self) -> str:
        """The locale code of the page's language."""
        return request_language(self.viewer)

    @property
    def lang_tag(self) -> str:
        """The language tag for <html lang> (BCP 47)."""
        return tag(self.lang)

    @property
    def dir(self) -> str:
        """The writing direction: "ltr" or "rtl"."""
        return direction(self.lang)

    @property
    def theme(self) -> str:
        """The colour theme: "auto", "light" or "dark"."""
        return self.viewer.theme if self.viewer else "auto"

    @property
    def unread_messages(self) -> int:
        """The number that the "Messages" badge shows when the page is rendered."""
        found = visit()
        return found.unread_messages if found else 0

    @property
    def unread_activity(self) -> int:
        """The number that the "Activity" badge shows when the page is rendered."""
        found = visit()
        return found.unread_activity if found else 0

    @cached_property
    def _hours(self) -> Hours | None:
        found = visit()
        if found is None or self.viewer is None:
            return None
        return preferences.hours(self.viewer, found.profile or preferences.default_profile(found.user_id))

    @property
    def quiet_until(self) -> str:
        """The Unix time until which desktop notifications and sounds are paused. It is "" if they are not paused."""
        moment = now()
        until = next_allowed(self._hours, moment) if self._hours else moment
        return str(int(until.timestamp())) if until > moment else ""

    @property
    def next_quiet(self) -> str:
        """The Unix time at which the user's next quiet hours begin, or "" if the user has set no quiet hours."""
        begins = next_quiet_from(self._hours, now()) if self._hours else None
        return str(int(begins.timestamp())) if begins else ""

    @property
    def since(self) -> str:
        """The Unix time of the newest notification that this page includes, with six decimals; "0" for a visitor."""
        found = visit()
        return format(found.since, ".6f") if found else "0"

    @property
    def poll_interval(self) -> int:
        """The number of seconds between two polls of an open page, if the server is not busy."""
        return int(current_app.config["POLL_INTERVAL"])

    @property
    def languages(self) -> list[tuple[str, str]]:
        """All languages that the site offers, as pairs: the language code, and the language's name in that language."""
        return [(code, language_name(code)) for code in languages()]


def select_locale() -> str:
    """Return the language code for the current response. Flask-Babel calls this."""
    return request_language(viewer_or_none()) if has_request_context() else SOURCE


def select_timezone() -> str:
    """Return the time zone in which times are displayed. Flask-Babel calls this."""
    user = viewer_or_none() if has_request_context() else None
    return zone_of_reader() or (user.timezone if user else "") or "UTC"


@cache
def _form_messages(locale: str) -> NullTranslations:
    """Return the translations of WTForms' own messages. Flask-WTF would read the file again in each request."""
    return Translations.load(messages_path(), [locale], domain="wtforms")


@bp.post("/language")
@writes_late
def set_language() -> Response:
    """Store the language that a visitor has chosen in the session. Members choose their language in the settings."""
    code = request.form.get("language", "")
    if code in languages():
        session[SESSION_KEY] = code
    return go_back(url_for("posts.home"))


def init_app(app: Flask) -> None:
    """Set up Babel, the template filters and functions, and the template variables `page` and `viewer`."""
    babel.init_app(app, locale_selector=select_locale, timezone_selector=select_timezone)
    FlaskForm.Meta.get_translations = lambda _meta, _form: _form_messages(str(get_locale()))
    filters.init_app(app)
    urls.init_app(app)
    fragments.init_app(app)
    app.register_blueprint(bp)
    app.register_blueprint(js_strings.bp)
    app.jinja_env.globals["strings_url"] = js_strings.strings_url

    @app.context_processor
    def context() -> dict[str, object]:
        user = viewer_or_none()
        return {"page": PageContext(user), "viewer": user}
