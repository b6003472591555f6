"""Render events as text and HTML, in the reader's current language.

    line = render([event])                  # or several events of a kind that can be grouped, newest first
    line.text                               # "Ana Lima followed you": the subject of an email, the title of a push
    line.html()                             # the same as HTML, with names in <bdi>
    line.html(name)                         # the same; `name(user)` renders each user, for example as a link
    line.snippet, line.snippet_lang         # the beginning of the post, for an element with dir="auto"
    line.snippet_html()                     # the same with @names and #tags in <bdi>, but no links
    line.words                              # the moderators' full text, for an element with dir="auto"
    line.note                               # an additional sentence: the IP address of a login
    line.endpoint, line.values              # the target: url_for(...), or mailer.site_url(...) in an email

A job must set the language with `in_language_of`. The events' actors and posts must be loaded, as the queries in
app/queries/activity.py do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from app.core.i18n import _, _n, isolated
from app.lib.text import rich
from app.lib.text.length import first_graphemes
from app.models import Activity, Post, User
from app.notifications.task_names import task_words
from app.queries import post_images

SNIPPET = 160  # characters of a post that are quoted

Formatter = Callable[[User | str], str]  # formats a value of the sentence: a user's name or another text
NameMarkup = Callable[[User], Markup]


@dataclass(frozen=True)
class RenderedEvent:
    """The text and link target of an event, or of several events that are shown as one.

    `say(put)` returns the sentence. It formats each name or other value in the sentence with the function `put`.
    """

    say: Callable[[Formatter], str]
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)
    post: Post | None = None
    quoted: str = ""  # the text of a deleted post
    quoted_language: str = ""
    quoted_warning: str = ""
    address: str = ""
    words: str = ""

    @property
    def text(self) -> str:
        """The event described in one sentence, as plain text. Names are in bidi isolates where needed."""
        return self.say(lambda word: isolated(word.display_name if isinstance(word, User) else word))

    def html(self, name: NameMarkup | None = None) -> Markup:
        """Return `text` as HTML. `name` renders each user's name, for example as a link."""
        make = name or (lambda user: _bdi(user.display_name))
        return escape(self.say(lambda word: make(word) if isinstance(word, User) else _bdi(word)))

    @property
    def note(self) -> str:
        """An additional sentence with the IP address of a login; "" for other events.

        Bidi isolate characters surround the address, so that right-to-left text does not reorder it.
        """
        return _("IP address: %(address)s", address=f"\u2066{self.address}\u2069") if self.address else ""

    @property
    def warning(self) -> str:
        """The content warning of the post; "" if there is none."""
        return self.post.warning if self.post else self.quoted_warning

    @property
    def snippet(self) -> str:
        """The beginning of the post, on one line; "" if the event has no post.

        A content warning replaces the text. If the post has no text, the alt texts of its images replace it.
        """
        if self.warning:
            return _("Content warning: %(text)s", text=isolated(self.warning))
        if self._has_only_images:
            return self._images
        return _shortened(self.post.body if self.post else self.quoted)

    @property
    def _has_only_images(self) -> bool:
        return self.post is not None and self.post.has_images and not self.post.body

    @property
    def _images(self) -> str:
        images = post_images.images_of(self.post) if self.post else ()
        described = _shortened(" ".join(image.alt for image in images if image.alt))
        if described:
            # NOTE: The description of an image that someone posted without a text.
            return _("Image: %(text)s", text=isolated(described))
        return _n("%(num)s image", "%(num)s images", len(images))

    def snippet_html(self) -> Markup:
        """Return the snippet as HTML, with @names and #tags in <bdi>. It has no links, so it can be inside a link."""
        pieces = rich.pieces(self.snippet)
        return Markup("").join(escape(piece.raw) if piece.kind == "text" else _bdi(piece.raw) for piece in pieces)

    @property
    def snippet_lang(self) -> str:
        """The language tag of the snippet; "" if the language is unknown, or if the snippet isn't text of the post."""
        if self.warning or self._has_only_images:
            return ""
        language = self.post.language if self.post else self.quoted_language
        return language.replace("_", "-")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    short = first_graphemes(text, SNIPPET)
    return text if short == text else f"{short.rstrip()}…"


def render(events: Sequence[Activity]) -> RenderedEvent:
    """Render one event, or several events that are shown as one, newest first.

    Several events must be of the same kind and about the same post. Raises ValueError if events of that kind can't be
    grouped.
    """
    newest = events[0]
    if newest.kind in _TOGETHER:
        return _TOGETHER[newest.kind](events)
    if len(events) > 1:
        raise ValueError(f"events of kind {newest.kind} are told one by one")
    return _ALONE.get(newest.kind, _unknown)(newest)


def _follow(events: Sequence[Activity]) -> RenderedEvent:
    actors = [_actor(event) for event in events]
    first, rest = actors[0], len(actors) - 1

    def say(put: Formatter) -> str:
        if not rest:
            return _("%(name)s followed you", name=put(first))
        if rest == 1:
            return _("%(name)s and %(other)s followed you", name=put(first), other=put(actors[1]))
        return _n(
            "%(name)s and %(num)s other followed you", "%(name)s and %(num)s others followed you", rest, name=put(first)
        )

    if rest:
        return RenderedEvent(say, "activity.index")
    return RenderedEvent(say, "profiles.show", {"username": first.username})


def _like(events: Sequence[Activity]) -> RenderedEvent:
    actors = [_actor(event) for event in events]
    first, rest = actors[0], len(actors) - 1

    def say(put: Formatter) -> str:
        if not rest:
            return _("%(name)s liked your post", name=put(first))
        if rest == 1:
            return _("%(name)s and %(other)s liked your post", name=put(first), other=put(actors[1]))
        return _n(
            "%(name)s and %(num)s other liked your post",
            "%(name)s and %(num)s others liked your post",
            rest,
            name=put(first),
        )

    return RenderedEvent(say, "posts.show", _place(events[0]), post=events[0].post)


def _repost(events: Sequence[Activity]) -> RenderedEvent:
    actors = [_actor(event) for event in events]
    first, rest = actors[0], len(actors) - 1

    def say(put: Formatter) -> str:
        if not rest:
            return _("%(name)s reposted your post", name=put(first))
        if rest == 1:
            return _("%(name)s and %(other)s reposted your post", name=put(first), other=put(actors[1]))
        return _n(
            "%(name)s and %(num)s other reposted your post",
            "%(name)s and %(num)s others reposted your post",
            rest,
            name=put(first),
        )

    return RenderedEvent(say, "posts.show", _place(events[0]), post=events[0].post)


def _edit(events: Sequence[Activity]) -> RenderedEvent:
    """Render edits of one post. Only its author can edit it."""
    actor = _actor(events[0])
    return RenderedEvent(
        lambda put: _("%(name)s edited a post you liked or reposted", name=put(actor)),
        "posts.show",
        _place(events[0]),
        post=events[0].post,
    )


def _mention(event: Activity) -> RenderedEvent:
    actor = _actor(event)
    return RenderedEvent(
        lambda put: _("%(name)s mentioned you", name=put(actor)),
        "posts.show",
        _place(event),
        post=event.post,
    )


def _reply(event: Activity) -> RenderedEvent:
    actor = _actor(event)
    return RenderedEvent(
        lambda put: _("%(name)s replied to you", name=put(actor)),
        "posts.show",
        _place(event),
        post=event.post,
    )


def _poll_closed(event: Activity) -> RenderedEvent:
    actor = event.actor

    def say(put: Formatter) -> str:
        return _("A poll by %(name)s has ended", name=put(actor)) if actor else _("Your poll has ended")

    return RenderedEvent(say, "posts.show", _place(event), post=event.post)


def _quote(event: Activity) -> RenderedEvent:
    actor = _actor(event)
    return RenderedEvent(
        lambda put: _("%(name)s quoted your post", name=put(actor)),
        "posts.show",
        _place(event),
        post=event.post,
    )


def _message_request(event: Activity) -> RenderedEvent:
    actor = _actor(event)
    return RenderedEvent(lambda put: _("%(name)s sent you a message request", name=put(actor)), "messages.requests")


def _job_done(event: Activity) -> RenderedEvent:
    return RenderedEvent(lambda _put: str(task_words(event.args["name"]).done), "tasks.index")


def _job_failed(event: Activity) -> RenderedEvent:
    return RenderedEvent(lambda _put: str(task_words(event.args["name"]).failed), "tasks.index")


def _schedule_failed(event: Activity) -> RenderedEvent:
    return RenderedEvent(
        lambda _put: _("Your scheduled post wasn't published"),
        "posts.scheduled",
        words=event.args.get("words", ""),
        quoted=event.args.get("text", ""),
        quoted_language=event.args.get("language", ""),
        quoted_warning=event.args.get("warning", ""),
    )


def _login(event: Activity) -> RenderedEvent:
    browser, system = event.args.get("browser", ""), event.args.get("system", "")

    def say(put: Formatter) -> str:
        if event.args.get("first"):
            return _first_login(put, browser, system)
        if browser and system:
            return _("New login: %(browser)s on %(system)s", browser=put(browser), system=put(system))
        if browser or system:
            return _("New login: %(browser)s", browser=put(browser or system))
        return _("New login from an unknown browser")

    return RenderedEvent(say, "accounts.security", address=event.args.get("address", ""))


def _first_login(put: Formatter, browser: str, system: str) -> str:
    """Describe the first login to an account.

    It usually follows the registration directly, so the text must not sound like an alert.
    """
    if browser and system:
        return _("First login: %(browser)s on %(system)s", browser=put(browser), system=put(system))
    if browser or system:
        return _("First login: %(browser)s", browser=put(browser or system))
    # NOTE: A notification about the first login to a new account, not an alert.
    return _("First login")


def _warning(event: Activity) -> RenderedEvent:
    words = event.args.get("words", "")
    return RenderedEvent(
        lambda _put: _("The moderators of this site sent you a warning"), "activity.index", words=words
    )


def _post_removed(event: Activity) -> RenderedEvent:
    words, text = event.args.get("words", ""), event.args.get("text", "")
    language = event.args.get("language", "")
    return RenderedEvent(
        lambda _put: _("The moderators of this site removed one of your posts"),
        "activity.index",
        words=words,
        quoted=text,
        quoted_language=language,
        quoted_warning=event.args.get("warning", ""),
    )


def _report(event: Activity) -> RenderedEvent:
    accused, values = event.args.get("accused", ""), {"report_id": event.args["report_id"]}
    kind = event.args.get("kind", "messages")

    def say(put: Formatter) -> str:
        if kind == "post":
            return _("A post by %(name)s was reported", name=put(f"@{accused}"))
        if kind == "person":
            return _("%(name)s was reported", name=put(f"@{accused}"))
        return (
            _("Messages from %(name)s were reported", name=put(f"@{accused}"))
            if accused
            else _("Messages were reported")
        )

    return RenderedEvent(say, "moderation.show", values)


def _report_closed(event: Activity) -> RenderedEvent:
    values = {"report_id": event.args["report_id"]}
    return RenderedEvent(lambda _put: _("The moderators have reviewed your report"), "moderation.receipt", values)


def _unknown(_event: Activity) -> RenderedEvent:
    """Render an event of an unknown kind. During an upgrade, a newer worker may record kinds that are unknown here."""
    return RenderedEvent(lambda _put: _("Something new happened"), "activity.index")


_TOGETHER: Mapping[str, Callable[[Sequence[Activity]], RenderedEvent]] = {
    "follow": _follow,
    "like": _like,
    "edit": _edit,
    "repost": _repost,
}
_ALONE: Mapping[str, Callable[[Activity], RenderedEvent]] = {
    "mention": _mention,
    "reply": _reply,
    "poll_closed": _poll_closed,
    "quote": _quote,
    "message_request": _message_request,
    "job_done": _job_done,
    "job_failed": _job_failed,
    "schedule_failed": _schedule_failed,
    "login": _login,
    "warning": _warning,
    "post_removed": _post_removed,
    "report": _report,
    "report_closed": _report_closed,
}


def _place(event: Activity) -> dict[str, Any]:
    """Return the values of the URL of the event's post.

    The page of a reply opens at the reply, because the posts that it answers are above it.
    """
    is_reply = event.post is not None and event.post.reply_to_id is not None
    return {"post_id": event.post_id} | ({"_anchor": f"post-{event.post_id}"} if is_reply else {})


def _actor(event: Activity) -> User:
    if event.actor is None:
        raise ValueError(f"nobody did event {event.id}")
    return event.actor


def _bdi(text: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(escape(text))
