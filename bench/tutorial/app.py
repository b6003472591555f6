"""The app and the routes of the tutorial that are compared."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask, flash, g, redirect, render_template, request, url_for
from flask_babel import Babel, _, get_locale
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager, current_user, login_required
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length

from bench.tutorial.models import Message, Notification, Post, User, db

PER_PAGE = 25

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)
login = LoginManager(app)
babel = Babel(app, locale_selector=lambda: request.accept_languages.best_match(["en", "es"]))
bootstrap = Bootstrap5(app)


class Moment:
    """A time in a template, rendered as Flask-Moment does: the browser formats it."""

    def __init__(self, moment: datetime) -> None:
        self._iso = moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def from_now(self) -> Markup:
        """Return the element that a script replaces with "an hour ago"."""
        return Markup(
            '<span class="flask-moment" data-timestamp="{0}" data-function="fromNow" data-refresh="0" '
            'style="display: none">{0}</span>'
        ).format(self._iso)


app.jinja_env.globals["moment"] = Moment


class PostForm(FlaskForm):
    """A new post."""

    post = TextAreaField("Say something", validators=[DataRequired(), Length(max=140)])
    submit = SubmitField("Submit")


class MessageForm(FlaskForm):
    """A new message."""

    message = TextAreaField("Message", validators=[DataRequired(), Length(max=140)])
    submit = SubmitField("Submit")


class SearchForm(FlaskForm):
    """The search field in the navigation bar."""

    q = StringField("Search", validators=[DataRequired()])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, formdata=request.args, meta={"csrf": False}, **options)


@login.user_loader
def load_user(identity: str) -> User | None:
    """Load the user for Flask-Login."""
    return db.session.get(User, int(identity))


@app.before_request
def prepare() -> None:
    """Commit last_seen, and prepare what each page shows."""
    if current_user.is_authenticated:
        current_user.last_seen = datetime.now(UTC)
        db.session.commit()
        g.search_form = SearchForm()
    g.locale = str(get_locale())


@app.route("/")
@app.route("/index")
@login_required
def index() -> str:
    """Show a page of the posts of the user and of those whom they follow."""
    return _page("index.html", current_user.following_posts(), "index", title=_("Home"), form=PostForm())


@app.route("/messages")
@login_required
def messages() -> str:
    """Show a page of received messages, and remember that they are read."""
    current_user.last_message_read_time = datetime.now(UTC)
    current_user.add_notification("unread_message_count", 0)
    db.session.commit()
    query = current_user.messages_received.select().order_by(Message.timestamp.desc())
    return _page("messages.html", query, "messages", title=_("Messages"))


@app.route("/send_message/<recipient>", methods=["GET", "POST"])
@login_required
def send_message(recipient: str) -> str | Response:
    """Send a message, or show the form."""
    user = db.first_or_404(db.select(User).where(User.username == recipient))
    form = MessageForm()
    if form.validate_on_submit():
        db.session.add(Message(author=current_user, recipient=user, body=form.message.data))
        user.add_notification("unread_message_count", user.unread_message_count())
        db.session.commit()
        flash(_("Your message has been sent."))
        return redirect(url_for("user", username=recipient))
    return render_template("send_message.html", title=_("Send Message"), form=form, recipient=recipient)


@app.route("/notifications")
@login_required
def notifications() -> list[dict[str, Any]]:
    """Return the user's notifications after `since`."""
    since = request.args.get("since", 0.0, type=float)
    query = current_user.notifications.select().where(Notification.timestamp > since)
    found = db.session.scalars(query.order_by(Notification.timestamp.asc()))
    return [{"name": one.name, "data": one.data(), "timestamp": one.timestamp} for one in found]


@app.route("/explore")
@app.route("/user/<username>")
@app.route("/logout")
@app.route("/search")
@login_required
def user(username: str = "") -> str:
    """Stand for the pages that are only linked to."""
    return username


def _page(template: str, query: Any, endpoint: str, **values: Any) -> str:
    number = request.args.get("page", 1, type=int)
    found = db.paginate(query, page=number, per_page=PER_PAGE, error_out=False)
    older = url_for(endpoint, page=found.next_num) if found.has_next else None
    newer = url_for(endpoint, page=found.prev_num) if found.has_prev else None
    return render_template(template, items=found.items, older=older, newer=newer, Post=Post, **values)
