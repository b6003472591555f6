"""Forms for posts. They check only the format of the input; the actions check the rules."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any

from flask_babel import format_timedelta
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import BooleanField, FieldList, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length
from wtforms.widgets import DateTimeLocalInput, HiddenInput, html_params

from app.core.exceptions import Sentence
from app.core.i18n import _l
from app.models import Visibility
from app.models.post import WARNING_LENGTH
from app.models.post_poll import MAX_OPTIONS
from app.posts.votes import DURATIONS, NewPoll
from app.web.responses import new_form_key


class LongSelect:
    """A widget that renders a <select> with hundreds of options. It caches the HTML of each option.

    With WTForms' own widget, the <select> took a quarter of the rendering time of the home page.
    """

    def __call__(self, field: SelectField, **attributes: Any) -> Markup:
        """Return the HTML of the <select>, with the field's value selected."""
        options = Markup("").join(_option(code, name, code == field.data) for code, name in field.choices or ())
        attributes = {"id": field.id, "name": field.name, **attributes}
        return Markup("<select {}>{}</select>").format(Markup(html_params(**attributes)), options)  # noqa: S704 - html_params escapes


@lru_cache(maxsize=20_000)  # a few hundred languages, named in each language of the site
def _option(code: str, name: str, selected: bool) -> Markup:
    return Markup('<option{} value="{}">{}</option>').format(Markup(" selected") if selected else "", code, name)


class DateTimeLocalField(StringField):
    """A field for a date and time in the member's time zone. Its value is text, and the action checks it."""

    widget = DateTimeLocalInput()


class PollOptionsField(FieldList):
    """The options of a poll, `poll_options-0` and so on. It reads one more than allowed, so that too many are refused.

    WTForms' own method converts any digits in the name of a field to a number. It raises ValueError for "²" and for
    thousands of digits, and makes as many fields as a request names.
    """

    def _extract_indices(self, prefix: str, formdata: Container[str]) -> Iterator[int]:
        return (index for index in range(MAX_OPTIONS + 1) if f"{prefix}{self._field_separator}{index}" in formdata)


# The levels that the author of a post can choose, and their names in the composer.
LEVELS: dict[Visibility, Sentence] = {
    # NOTE: Who can see a post: everyone who has an account here.
    Visibility.MEMBERS: _l("All members"),
    # NOTE: Who can see a post: the author's followers.
    Visibility.FOLLOWERS: _l("Followers"),
    # NOTE: Who can see a post: only people whom the text mentions with @name.
    Visibility.MENTIONED: _l("Mentioned people"),
}


class DurationField(SelectField):
    """A list of the durations of a poll. It names them when it is rendered, because few requests render it."""

    def iter_choices(self) -> Iterator[Any]:
        """Yield the durations, named in the language of the page."""
        self.choices = [
            SelectChoice(minutes, format_timedelta(timedelta(minutes=minutes), threshold=1.0)) for minutes in DURATIONS
        ]
        yield from super().iter_choices()


class PostForm(FlaskForm):
    """The form for a new post. The route sets the choices of `language` and the default of `visibility`.

    The form accepts any value of these two fields. `actions.publish` checks them. The text is optional, because a post
    can consist of images only.
    """

    post = TextAreaField(_l("What's on your mind?"))
    language = SelectField(_l("Language"), default="", validate_choice=False, widget=LongSelect())
    visibility = SelectField(
        _l("Who can see this?"),
        choices=[SelectChoice(level, label) for level, label in LEVELS.items()],
        validate_choice=False,
    )
    warning = StringField(_l("Content warning"), validators=[Length(max=WARNING_LENGTH)])
    # NOTE: Label of the date and time at which a scheduled post will be published.
    publish_at = DateTimeLocalField(_l("When to post"))
    poll_options = PollOptionsField(StringField(), min_entries=MAX_OPTIONS)
    poll_multiple = BooleanField(_l("People can choose more than one"))
    # NOTE: Label of how long a poll lasts. The choices are durations, such as "1 day".
    poll_minutes = DurationField(_l("Ends in"), coerce=int, default=24 * 60, validate_choice=False)
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])

    def poll(self) -> NewPoll | None:
        """Return the poll of the post; None if all options are empty."""
        options = tuple(option or "" for option in self.poll_options.data)
        if not any(option.strip() for option in options):
            return None
        return NewPoll(options, is_multiple=bool(self.poll_multiple.data), minutes=self.poll_minutes.data or 0)


class ReplyForm(PostForm):
    """The form for a reply.

    Its language field has its own id, because another form on the same page also has a language field.
    """

    post = TextAreaField(_l("Your reply"), id="reply-text")
    language = SelectField(_l("Language"), id="reply-language", default="", validate_choice=False, widget=LongSelect())


class EditForm(FlaskForm):
    """The form for editing a post. `revision` is the version that it began with, so that no other edit is lost.

    The text is optional, because a post can consist of images only.
    """

    post = TextAreaField(_l("Your post"))
    language = SelectField(_l("Post language"), default="", validate_choice=False, widget=LongSelect())
    warning = StringField(_l("Content warning"), validators=[Length(max=WARNING_LENGTH)])
    revision = IntegerField(widget=HiddenInput())


class DraftForm(FlaskForm):
    """The form for saving a draft of a post. `form_key` identifies the composer, which saves its draft repeatedly."""

    post = TextAreaField(validators=[Length(max=20_000)])
    language = StringField(validators=[Length(max=16)])
    visibility = StringField(validators=[Length(max=12)])
    warning = StringField(validators=[Length(max=1000)])
    form_key = StringField(validators=[InputRequired(), Length(max=40)])


class LanguageForm(FlaskForm):
    """The form for changing the language of a published post."""

    language = SelectField(_l("Language"), default="", validate_choice=False, widget=LongSelect())
