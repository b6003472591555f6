"""Nobody sees what is not theirs: each kind of person asks every address of the site, with everybody's ids.

Pages, files, JSON, headers, mails and exports are read for words that only some may see. What nobody but its people
may change is compared, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core.time import now
from app.extensions import db as the_db
from app.models import (
    AuditEntry,
    Block,
    Conversation,
    ConversationMember,
    Follow,
    HiddenMessage,
    Message,
    MessageImage,
    Mute,
    PostBookmark,
    PostLike,
    PostRepost,
    Report,
    ReportedMessage,
    SealedMessage,
    User,
    UserList,
    UserListMember,
)
from tests.factories import a_follow
from tests.support.client import Browser
from tests.support.smtp import Mail
from tests.visibility import population as towns
from tests.visibility.population import ANAS, BENS, EARLY, LATE, REPORTED, Town, secret_text, write
from tests.visibility.walker import Answer, get_all, get_what_people_write, post_all

pytestmark = pytest.mark.slow

# Where secrets show, for whom they are theirs.
SURFACES = (
    "messages.inbox",
    "messages.conversation",
    "messages.new_messages",
    "messages.search",
    "messages.picture",
    "messages.thumbnail",
    "tasks.download",
)
NOTHING: frozenset[str] = frozenset()
IDS = {"conversation_id", "seq", "image_id", "report_id", "number", "entry_id", "list_id", "id"}


def add(*rows: object) -> None:
    the_db.session.add_all(rows)


def change(walker: Browser, **values: object) -> None:
    for name, value in values.items():
        setattr(walker.user, name, value)


def is_gone(walker: Browser) -> None:
    """The account is deleted; the browser holds on to its cookie."""
    the_db.session.delete(walker.user)


def join_group(walker: Browser, town: Town) -> None:
    a_follow(walker.user, town.ana.user)
    a_follow(town.ana.user, walker.user)
    write(town.ana, f"/messages/thread/{town.group}/people", to="walker")


def leave_group(walker: Browser, town: Town) -> None:
    write(walker, f"/messages/thread/{town.group}/leave")


def withdraw_the_report() -> None:
    for report in the_db.session.scalars(select(Report)):
        the_db.session.delete(report)


@dataclass(frozen=True)
class Role:
    """Who asks: what they are to ana, and what they may see."""

    becomes: Callable[[Browser, Town], object] = lambda walker, town: None
    sees: frozenset[str] = NOTHING
    turned: Callable[[Browser, Town], object] = lambda walker, town: None  # after they logged in and all was written
    moderates: bool = False

    @property
    def is_outside(self) -> bool:
        """Whether nothing tells them even that there is something."""
        return not self.sees and not self.moderates


def role_of(name: str) -> Callable[[Browser, Town], None]:
    return lambda walker, town: change(walker, role=name)


def without_a_report(name: str) -> Callable[[Browser, Town], None]:
    return lambda walker, town: (change(walker, role=name), withdraw_the_report())


MODERATOR, ADMIN = role_of("moderator"), role_of("admin")
ROLES = {
    "a visitor": Role(turned=lambda walker, town: walker.delete_cookie("session", domain="microblog.test")),
    "a stranger": Role(),
    "a follower": Role(
        lambda walker, town: (a_follow(walker.user, town.ana.user), a_follow(walker.user, town.ben.user))
    ),
    "one they follow": Role(
        lambda walker, town: (a_follow(town.ana.user, walker.user), a_follow(town.ben.user, walker.user))
    ),
    "blocked": Role(lambda walker, town: add(Block(blocker_id=town.ana.user.id, blocked_id=walker.user.id))),
    "one who blocks": Role(lambda walker, town: add(Block(blocker_id=walker.user.id, blocked_id=town.ana.user.id))),
    "muted": Role(lambda walker, town: add(Mute(muter_id=town.ana.user.id, muted_id=walker.user.id))),
    "suspended": Role(turned=lambda walker, town: change(walker, active=False, suspended_at=now())),
    "deleted, in the days of grace": Role(
        turned=lambda walker, town: change(walker, active=False, deletion_due_at=now() + timedelta(days=14))
    ),
    "deleted": Role(turned=lambda walker, town: is_gone(walker)),
    "a translator": Role(role_of("translator")),
    "moderator without report": Role(without_a_report("moderator"), moderates=True),
    "admin without report": Role(without_a_report("admin"), moderates=True),
    "moderator with report": Role(MODERATOR, REPORTED, moderates=True),
    "admin with report": Role(ADMIN, REPORTED, moderates=True),
    "one who asked to talk": Role(
        lambda walker, town: write(walker, "/send_message/ana", message=secret_text("request")), frozenset({"request"})
    ),
    "one who came late to the group": Role(join_group, LATE),
    "one who left the group": Role(lambda walker, town: (join_group(walker, town), leave_group(walker, town)), EARLY),
}


@pytest.fixture
def build_community(as_, db, configure, run_jobs, mails):
    """`build_community(role)`: the town, the browser of somebody with that role, and their id."""
    configure(RATELIMIT_ENABLED=False)

    def make(role: Role) -> tuple[Town, Browser, int]:
        town = towns.build(as_)
        walker = as_("walker")
        walker_id = walker.user.id
        role.becomes(walker, town)
        db.session.commit()
        towns.late_in_the_group(town)
        run_jobs(advance=3600)
        towns.note_the_pictures(town)
        role.turned(walker, town)
        db.session.commit()
        return town, walker, walker_id

    return make


def leaks(town: Town, role: Role, answers: Iterable[Answer]) -> dict[str, list[str]]:
    """Which answers hold what this role may not see, or are no answers at all."""
    found = {str(answer): sorted(town.found_in(answer.said) - role.sees) for answer in answers}
    return {answer: names for answer, names in found.items() if names or answer.endswith(": 500")}


def conversations_of_others(walker_id: int) -> list[int]:
    """The conversations that this person is not in."""
    membership = ConversationMember
    own = select(membership.conversation_id).where(membership.user_id == walker_id, membership.state != "left")
    return list(the_db.session.scalars(select(Conversation.id).where(Conversation.id.not_in(own))))


def rows_of_others(role: Role, walker_id: int, theirs: Sequence[int]) -> dict[str, list[str]]:
    """What this person may change nothing of; `theirs` are the conversations of others."""
    membership = ConversationMember
    messages = select(Message.id).where(Message.conversation_id.in_(theirs))
    # A person that one comes across can be reported: such a report is the walker's own.
    others_reports = select(Report.id).where(Report.reporter_id.is_distinct_from(walker_id))
    others_lists = select(UserList.id).where(UserList.user_id != walker_id)
    kept: dict[Any, Any] = {
        Conversation: Conversation.id.in_(theirs),
        # What was fetched of a group that they have left is between them and their own membership.
        membership: membership.conversation_id.in_(theirs)
        & ((membership.user_id != walker_id) | (membership.state != "left")),
        Message: Message.conversation_id.in_(theirs),
        MessageImage: MessageImage.message_id.in_(messages),
        HiddenMessage: HiddenMessage.user_id != walker_id,
        ReportedMessage: ReportedMessage.report_id.in_(others_reports),
        SealedMessage: SealedMessage.message_id.in_(messages),
        Block: Block.blocker_id != walker_id,
        Mute: Mute.muter_id != walker_id,
        UserList: UserList.user_id != walker_id,
        # Whoever blocks another member leaves that member's lists.
        UserListMember: UserListMember.list_id.in_(others_lists) & (UserListMember.user_id != walker_id),
        Follow: (Follow.follower_id != walker_id) & (Follow.followed_id != walker_id),
    }
    if not role.moderates:
        reactions: tuple[Any, ...] = (PostLike, PostBookmark, PostRepost)
        kept |= {model: model.user_id != walker_id for model in reactions}
        kept |= {Report: Report.reporter_id != walker_id, User: User.id != walker_id, AuditEntry: AuditEntry.id > 0}
    found = {}
    for model, which in kept.items():
        columns = [column for column in model.__table__.columns if column.name != "last_seen"]
        found[model.__name__] = sorted(map(repr, the_db.session.execute(select(*columns).where(which)).all()))
    the_db.session.commit()
    return found


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """The rows that are only in one of the two."""
    return [f"{kind} {row}" for kind in before for row in sorted(set(before[kind]) ^ set(after[kind]))]


def distinguishable_routes(answers: Iterable[Answer]) -> dict[str, list[int]]:
    """Where an id that is in use is answered otherwise than one that is not: which tells that there is something."""
    statuses: dict[str, set[int]] = {}
    for answer in answers:
        if answer.arguments and set(answer.arguments) <= IDS:
            statuses.setdefault(f"{answer.method} {answer.endpoint}", set()).add(answer.status)
    return {where: sorted(seen) for where, seen in statuses.items() if len(seen) > 1}


def mailed_to_others(town: Town, role: Role, mails: Iterable[Mail]) -> list[tuple[str, list[str]]]:
    """Whose mail holds what they may not see."""
    may_see = {"ana": ANAS, "ben": BENS, "cleo": EARLY | LATE, "walker": role.sees}
    found = []
    for mail in mails:
        seen = town.found_in(f"{mail.subject}\n{mail.text}\n{mail.html}".encode())
        found += [(address, sorted(seen - may_see[address.partition("@")[0]])) for address in mail.envelope_to]
    return [(address, names) for address, names in found if names]


@pytest.mark.parametrize("name", ROLES)
def test_members_cannot_see_or_change_data_of_others(build_community, app, mails, run_jobs, name):
    role = ROLES[name]
    town, walker, walker_id = build_community(role)
    theirs = conversations_of_others(walker_id)
    before = rows_of_others(role, walker_id, theirs)
    answers = list(get_all(app, walker))
    answers += post_all(app, walker)
    run_jobs(advance=3600)
    answers_after = [*get_what_people_write(app, walker), *post_all(app, walker, farewells=True)]
    assert leaks(town, role, [*answers, *answers_after]) == {}
    assert differences(before, rows_of_others(role, walker_id, theirs)) == []
    assert mailed_to_others(town, role, mails) == []
    if role.is_outside:
        assert distinguishable_routes(answers) == {}


@pytest.mark.parametrize("name", ["ana", "ben"])
def test_authorized_members_see_their_data(build_community, app, mails, run_jobs, name):
    """The walk finds every secret for whom it is theirs: so it would find one for whom it is not."""
    town, _walker, _walker_id = build_community(ROLES["one who asked to talk"])
    seen: dict[str, frozenset[str]] = {}
    for answer in get_all(app, getattr(town, name)):
        assert answer.status != 500, str(answer)
        seen[answer.endpoint] = seen.get(answer.endpoint, NOTHING) | town.found_in(answer.said)
    assert frozenset().union(*seen.values()) == {"ana": ANAS, "ben": BENS}[name]
    assert {surface for surface in SURFACES if not seen[surface]} == set()
    in_mails = [town.found_in(mail.text.encode()) for mail in mails.to(f"{name}@example.org")]
    assert frozenset().union(*in_mails) >= {"ana": {"answer"}, "ben": {"message", "after the edit"}}[name]
