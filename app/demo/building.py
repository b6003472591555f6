"""Create the sample data in steps with small transactions, so that a running site stays responsive.

A step does nothing if its data exists already, so a second run completes an interrupted demo.

No emails are sent. The transaction that enqueues an email also confirms the member's address, or marks the message as
emailed, so that the job finds nothing to send. Events about follows, mentions, quotes, likes and reposts are marked as
emailed right after they are created, long before the next digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select, update

from app.accounts.actions import confirm_email, register
from app.core.database import end_read_transaction, read_transaction, write_transaction
from app.core.exceptions import ActionError, Sentence
from app.core.i18n import languages
from app.core.images import Picture, storage
from app.core.time import now
from app.demo import painting, script
from app.demo.script import Character, Entry, Group, Talk
from app.extensions import db
from app.lib.text.names import email_key
from app.messages.actions import SendOptions, groups, mark_read, send_message, send_to_group
from app.messages.actions.membership import save_draft
from app.messages.queries.conversations import between, with_person
from app.models import Activity, Conversation, ConversationMember, MailToken, Message, Post, PostLike, PostRepost, User
from app.notifications import publish_activity_count
from app.posts import reactions
from app.posts.actions import PostOptions, publish, reply
from app.posts.editing import Edit, edit
from app.posts.votes import DURATIONS, NewPoll, vote
from app.profiles.actions import ProfileChange, edit_profile, follow
from app.queries import people, timelines
from app.web.attached_images import take

DAYS = 21  # approximate age of the oldest post
LATEST = timedelta(minutes=4)  # age of the newest post
PAUSE = timedelta(minutes=47)  # between two messages of a conversation
FRESH = timedelta(days=2)  # events older than this are marked as read
Step = Callable[[], None]


def is_there() -> bool:
    """Return whether the demo is complete. Raises ActionError if a real account has the username of a demo member."""
    with read_transaction():
        one, other = (_find(name) for name in script.conversations()[0].between)
        found = one is not None and other is not None and between(one, other) is not None
        found = found and all(_is_gathered(group) for group in script.groups())
        end_read_transaction()
    return found


def steps(password: str, login: str) -> list[Step]:
    """Return the steps that create the demo, in the order in which they must run.

    All members get the password `password`. The member with the username `login` gets no language setting, so that the
    site uses the browser's language.
    """
    everybody, entries, talks = script.people(), script.posts(), script.conversations()
    return [
        *(partial(_join, at, person, password, login) for at, person in enumerate(everybody)),
        *(partial(_follow, at, person) for at, person in enumerate(everybody)),
        *(partial(_post, entry, _age(at, len(entries))) for at, entry in enumerate(entries)),
        *(partial(_react, entry, _age(at, len(entries))) for at, entry in enumerate(entries)),
        *(partial(_talk, talk, timedelta(minutes=12, hours=5 * at)) for at, talk in reversed([*enumerate(talks)])),
        *(partial(_gather, group) for group in reversed(script.groups())),
    ]


def _age(at: int, count: int) -> timedelta:
    """Return how long ago post number `at` of `count` posts was published. Number 0 is the oldest post.

    The intervals between posts get shorter towards the newest post.
    """
    return timedelta(days=DAYS) * (1 - (at + 1) / count) ** 2 + LATEST


def _find(username: str) -> User | None:
    person = people.by_username(username)
    character = next(one for one in script.people() if one.username == username)
    if person is not None and person.email_key != email_key(character.email):
        raise ActionError(_taken(username))
    return person


def _taken(username: str) -> Sentence:
    return f"The username {username} belongs to an account that isn't part of the demo. Use an empty site."


def _get(username: str) -> User:
    person = _find(username)
    if person is None:
        raise ActionError(f"{username} left while the demo was made.")
    return person


def _join(at: int, character: Character, password: str, login: str) -> None:
    with read_transaction():
        known = _find(character.username)
    if known is not None:
        return
    with write_transaction():
        first = db.session.scalar(select(User.id).limit(1)) is None  # the first account becomes an admin
        person = register(
            character.username,
            character.email,
            password,
            timezone=character.timezone,
            role="admin" if first else "member",
        )
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
    with write_transaction():
        person = _get(character.username)
        for other in script.follows(at):
            follow(person, _get(other.username))
    _settle([person], timedelta(days=DAYS))


def _post(entry: Entry, age: timedelta) -> None:
    if entry.images and _is_published(entry):
        return  # its images would be stored again
    drawn = [painting.draw(name) for name, _alt in entry.images]
    pictures = take(drawn, [alt for _name, alt in entry.images], storage("posts"))
    with write_transaction():
        author = _get(entry.author)
        post = _publish(author, entry, pictures)
        post.created_at = now() - age
        if entry.earlier:
            change = Edit(entry.body, warning=entry.warning, language=entry.language, revision=post.revision)
            edit(author, post.id, change)
            post.edited_at = post.created_at + PAUSE
    _settle([author], age)


def _publish(author: User, entry: Entry, pictures: Sequence[Picture]) -> Post:
    options = PostOptions(
        language=entry.language,
        visibility=entry.visibility,
        warning=entry.warning,
        pictures=pictures,
        poll=NewPoll(entry.poll, minutes=DURATIONS[-1]) if entry.poll else None,
        quote_of_id=_published(author, entry.quoted).id if entry.quoted else None,
        form_key=entry.form_key,
    )
    if entry.parent is None:
        return publish(author, entry.earlier or entry.body, options)
    return reply(author, _published(author, entry.parent), entry.body, options)


def _is_published(entry: Entry) -> bool:
    with read_transaction():
        these = select(Post.id).join(Post.author).where(User.username == entry.author, Post.body == entry.body)
        found = db.session.scalar(these.limit(1)) is not None
        end_read_transaction()
    return found


def _published(viewer: User, entry: Entry) -> Post:
    same = (User.username == entry.author, Post.body == entry.body)
    post = db.session.scalar(timelines.visible().where(*same), {"viewer_id": viewer.id})
    if post is None:
        raise ActionError(f"A post by {entry.author} was deleted while the demo was made.")
    return post


def _react(entry: Entry, age: timedelta) -> None:
    """Let some members like, repost or bookmark a post, or vote in its poll, some time after it was published.

    `age` is the age of the post.
    """
    age = max(age * 0.9 - PAUSE, LATEST / 2)
    fans, savers, voters = script.likers(entry), script.savers(entry), script.votes(entry)
    if not fans and not savers and not voters:
        return
    with write_transaction():
        members = {name: _get(name) for name in (*fans, *savers, *voters)}
        post = _published(_get(entry.author), entry)
        for name in fans:
            reactions.like(members[name], post.id)
        for name in script.reposters(entry):
            reactions.repost(members[name], post.id)
        for name in savers:
            reactions.bookmark(members[name], post.id)
        for name, position in voters.items():
            vote(members[name], post.id, [position])
        for model in (PostLike, PostRepost):
            db.session.execute(update(model).where(model.post_id == post.id).values(created_at=now() - age))
    _settle([members[name] for name in fans], age)


def _settle(actors: Sequence[User], age: timedelta) -> None:
    """Set the age of the events that `actors` have just caused, and mark these events as emailed.

    Events older than FRESH are also marked as read.
    """
    happened = now() - age
    fresh = update(Activity).where(Activity.actor_id.in_([actor.id for actor in actors]), Activity.mailed_at.is_(None))
    values = {"created_at": happened, "mailed_at": happened, "read_at": happened if age > FRESH else None}
    with write_transaction():
        for reader in set(db.session.scalars(fresh.values(**values).returning(Activity.user_id)).all()):
            publish_activity_count(reader)


def _talk(talk: Talk, age: timedelta) -> None:
    with read_transaction():
        pair = {name: _get(name) for name in talk.between}
        is_there = between(*pair.values()) is not None
        end_read_transaction()
    if is_there:
        return
    pictures = take([painting.draw("loaf")], [talk.picture[1]], storage("messages")) if talk.picture else []
    with write_transaction():
        pair = {name: _get(name) for name in talk.between}
        for at, (who, text) in enumerate(talk.lines):
            shown = pictures if talk.picture and talk.picture[0] == at else []
            message = send_message(pair[who], pair[talk.reader_of(who)], text, SendOptions(pictures=shown))
            message.created_at = now() - age - PAUSE * (len(talk.lines) - 1 - at)
            is_read = at < len(talk.lines) - talk.unread
            _read(message, pair.values() if is_read else [pair[who]])
        if talk.draft:
            who, text = talk.draft
            opened = with_person(pair[who], talk.reader_of(who))
            if opened is not None:
                save_draft(pair[who], opened, text, own_seq=len(talk.lines))


def _gather(group: Group) -> None:
    with write_transaction():
        members = {name: _get(name) for name in group.people}
        if _is_gathered(group):
            return
        founder, *others = members.values()
        conversation = groups.start(founder, others, group.name, group.lines[0][1])
        for who, text in group.lines[1:]:
            send_to_group(members[who], conversation.id, text)
        sent = select(Message).where(Message.conversation_id == conversation.id).order_by(Message.seq.desc())
        for at, message in enumerate(db.session.scalars(sent).all()):
            message.created_at = now() - LATEST - PAUSE * at
            _read(message, members.values())


def _is_gathered(group: Group) -> bool:
    founder = _find(group.people[0])
    begun = Conversation.started_by_id == (founder.id if founder else None)
    return db.session.scalar(select(Conversation.id).where(begun, Conversation.name == group.name)) is not None


def _read(message: Message, readers: Iterable[User]) -> None:
    """Mark a message and all earlier ones as read by `readers`, and as emailed to all members of the conversation."""
    conversation = db.session.get_one(Conversation, message.conversation_id)
    for person in readers:
        mark_read(person, conversation, message.seq)
    db.session.execute(
        update(ConversationMember)
        .where(ConversationMember.conversation_id == conversation.id, ConversationMember.mailed_seq < message.seq)
        .values(mailed_seq=message.seq)
    )
