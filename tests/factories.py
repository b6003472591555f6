"""People and what they do, made as quickly as a test wants them: rows that real use would have made.

All need an app context (the `db` fixture) and commit, so requests and jobs see what they made. Actions do the rest:
`app.posts.actions.publish(...)`, `app.messages.actions.send_message(...)`.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from werkzeug.security import generate_password_hash

from app.core.time import now
from app.extensions import db
from app.lib.text import rich
from app.lib.text.names import email_key, username_key, username_skeleton
from app.lib.text.search import search_text, tag_key
from app.messages.actions import SendOptions, send_message
from app.messages.actions.locking import lock_pair
from app.models import ConversationMember, Follow, LoginSession, Message, Post, PostTag, User
from app.notifications import logins_changed

PASSWORD = "tide pool lantern 7"
# Scrypt costs 80 ms by design; one round of PBKDF2 is enough for a test that is not about passwords.
QUICK_METHOD = "pbkdf2:sha256:1"
_QUICK_HASH = generate_password_hash(PASSWORD, QUICK_METHOD)
_numbers = itertools.count(1)


def a_user(username: str | None = None, **values: Any) -> User:
    """A person with a confirmed address `<username>@example.org` and the password PASSWORD; `values` are columns."""
    person = User(**columns_of(username or f"member{next(_numbers)}", **values))
    db.session.add(person)
    db.session.commit()
    return person


def columns_of(username: str, **values: Any) -> dict[str, Any]:
    """The columns of such a person, for who has no session of the app."""
    email = values.pop("email", None) or f"{username}@example.org"
    return {
        "username": username,
        "username_key": username_key(username),
        "username_skeleton": username_skeleton(username),
        "email": email,
        "email_key": email_key(email),
        "search_text": search_text(f"{username} {values.get('name', '')}"),
        "password_hash": _QUICK_HASH,
        "email_confirmed_at": now(),
        **values,
    }


def a_login(person: User, **values: Any) -> LoginSession:
    """A login of `person`, good for a day. A person who is only added to the session is saved with it."""
    db.session.flush()
    row = LoginSession(user_id=person.id, **{"expires_at": now() + timedelta(days=1), **values})
    db.session.add(row)
    logins_changed(person.id)
    db.session.commit()
    return row


def a_post(author: User, body: str = "Hello, world", **values: Any) -> Post:
    """A post, findable by its words."""
    row = Post(author_id=author.id, body=body, **{"search_text": search_text(body), **values})
    db.session.add(row)
    db.session.flush()
    db.session.add_all(PostTag(post_id=row.id, key=tag_key(tag), name=tag) for tag in rich.tags(body))
    db.session.commit()
    return row


def a_follow(follower: User, followed: User) -> None:
    """`follower` reads what `followed` posts."""
    db.session.add(Follow(follower_id=follower.id, followed_id=followed.id))
    db.session.commit()


def acquainted(one: User, other: User) -> None:
    """Two people who write to each other: neither is a stranger to the other, whose first message is a request."""
    _acquaint(one, other)
    db.session.commit()


def _acquaint(one: User, other: User) -> None:
    conversation = lock_pair(one, other)
    side = ConversationMember
    db.session.execute(update(side).where(side.conversation_id == conversation.id).values(state="accepted"))


def a_message(sender: User, recipient: User, body: str = "Hello", **options: Any) -> Message:
    """A private message between people who know each other, sent by the real action, its badge and mail ordered."""
    _acquaint(sender, recipient)
    row = send_message(sender, recipient, body, SendOptions(**options))
    db.session.commit()
    return row
