"""Bringing the demo's people to life, one small transaction a step, so that a running site is not held up.

Each step looks first and acts once: a demo that was interrupted is completed by the next run. Nobody is mailed: an
address is confirmed, and a message read or marked as mailed, in the transaction that ordered its mail; what people hear
of follows and mentions is marked right after it, long before their next digest. A mail job that finds nothing to say
says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from app.accounts.actions import confirm_email, register
from app.clock import now
from app.database import end_reading, reading, writing
from app.demo import script
from app.demo.script import Character, Entry, Talk
from app.errors import Refused, Sentence
from app.extensions import db
from app.i18n import languages
from app.messages.actions import mark_read, send_message
from app.messages.queries.threads import between
from app.models import Activity, Conversation, ConversationMember, MailToken, Message, User
from app.notify import tell_count
from app.posts.actions import publish
from app.profiles.actions import ProfileChange, edit_profile, follow
from app.queries import people
from app.text.names import email_key

DAYS = 21  # how long the community has been there
LATEST = timedelta(minutes=4)  # age of the newest post
FRESH = timedelta(days=2)  # what happened longer ago was read by everybody
Step = Callable[[], None]


def is_there() -> bool:
    """Whether the demo is complete: its last step has been taken. Raises Refused when a name is somebody else's."""
    with reading():
        one, other = (_find(name) for name in script.conversations()[0].between)
        found = one is not None and other is not None and between(one, other) is not None
        end_reading()
    return found


def steps(password: str, login: str) -> list[Step]:
    """Everything there is to do, in order. `login` names the person whose language stays the browser's."""
    everybody, entries, talks = script.people(), script.posts(), script.conversations()
    return [
        *(partial(_join, at, person, password, login) for at, person in enumerate(everybody)),
        *(partial(_follow, at, person) for at, person in enumerate(everybody)),
        *(partial(_post, entry, _age(at, len(entries))) for at, entry in enumerate(entries)),
        *(partial(_talk, talk, timedelta(minutes=12, hours=5 * at)) for at, talk in reversed([*enumerate(talks)])),
    ]


def _age(at: int, count: int) -> timedelta:
    """More was posted lately than long ago."""
    return timedelta(days=DAYS) * (1 - (at + 1) / count) ** 2 + LATEST


def _find(username: str) -> User | None:
    person = people.by_username(username)
    character = next(one for one in script.people() if one.username == username)
    if person is not None and person.email_key != email_key(character.email):
        raise Refused(_taken(username))
    return person


def _taken(username: str) -> Sentence:
    return f"The name {username} belongs to somebody who is not of the demo: use an empty site."


def _get(username: str) -> User:
    person = _find(username)
    if person is None:
        raise Refused(f"{username} left while the demo was made.")
    return person


def _join(at: int, character: Character, password: str, login: str) -> None:
    with reading():
        known = _find(character.username)
    if known is not None:
        return
    with writing():
        person = register(character.username, character.email, password, timezone=character.timezone)
        for link in db.session.scalars(select(MailToken).where(MailToken.user_id == person.id)).all():
            confirm_email(link)
        is_offered = character.language in languages() and character.username != login
        change = ProfileChange(
            name=character.name,
            about_me=character.about,
            language=character.language if is_offered else "",
            timezone=character.timezone,
            theme="auto",
            show_last_seen=at % 7 != 6,
        )
        edit_profile(person, change, languages=languages())
        person.created_at = now() - timedelta(days=DAYS + 9, hours=-at)
        person.last_seen = now() - timedelta(hours=at * at)


def _follow(at: int, character: Character) -> None:
    with writing():
        person = _get(character.username)
        for other in script.follows(at):
            follow(person, _get(other.username))
    _settle(person, timedelta(days=DAYS))


def _post(entry: Entry, age: timedelta) -> None:
    with writing():
        author = _get(entry.author)
        post = publish(author, entry.body, language=entry.language, form_key=f"demo-{entry.number}")
        post.created_at = now() - age
    _settle(author, age)


def _settle(actor: User, age: timedelta) -> None:
    """What this person has just done happened `age` ago: its readers were mailed about it, and read what is old."""
    happened = now() - age
    fresh = update(Activity).where(Activity.actor_id == actor.id, Activity.mailed_at.is_(None))
    values = {"created_at": happened, "mailed_at": happened, "read_at": happened if age > FRESH else None}
    with writing():
        for reader in set(db.session.scalars(fresh.values(**values).returning(Activity.user_id)).all()):
            tell_count(reader)


def _talk(talk: Talk, age: timedelta) -> None:
    with writing():
        pair = {name: _get(name) for name in talk.between}
        if between(*pair.values()) is not None:
            return
        for at, (who, text) in enumerate(talk.lines):
            message = send_message(pair[who], pair[talk.reader_of(who)], text)
            message.created_at = now() - age - timedelta(minutes=47) * (len(talk.lines) - 1 - at)
            _read(message, talk, pair, is_read=at < len(talk.lines) - talk.unread)


def _read(message: Message, talk: Talk, pair: dict[str, User], *, is_read: bool) -> None:
    conversation = db.session.get_one(Conversation, message.conversation_id)
    writer = next(name for name, person in pair.items() if person.id == message.sender_id)
    mark_read(pair[writer], conversation, message.seq)
    if is_read:
        mark_read(pair[talk.reader_of(writer)], conversation, message.seq)
    db.session.execute(
        update(ConversationMember)
        .where(ConversationMember.conversation_id == conversation.id)
        .values(mailed_seq=message.seq)
    )
