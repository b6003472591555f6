"""Start and rename groups, add people to them, and leave them.

When a group is renamed, or when a member is added or leaves, an event about this is stored among the group's messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select, update

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln, isolated
from app.core.images import form_key_with_images
from app.core.time import now
from app.core.validation import checked_name, send_key
from app.extensions import db
from app.messages import counters, notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.locking import Members, lock_with_members, new_member
from app.messages.actions.sending import (
    DEFAULT_OPTIONS,
    SendOptions,
    append_event,
    checked_text,
    send_message,
    send_to_group,
)
from app.messages.queries.conversations import between
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.notifications import record_event

MAX_MEMBERS = 12  # maximum number of members of a group, including the founder
NAME_MAX = 80  # maximum number of characters in a group's name, which is also the width of the column


def start(
    founder: User,
    people: Iterable[User],
    name: str,
    body: str,
    options: SendOptions = DEFAULT_OPTIONS,
) -> Conversation:
    """Start a group with `people`, and send `body` as its first message. Return the group.

    With a single recipient, send `body` in the conversation of the two users instead, and return that conversation.

    A recipient who neither follows the founder nor has accepted a conversation with the founder gets a message request.
    If a form is submitted twice with the same `form_key`, recipients and content, only one group is started, and both
    calls return it.

    Raises ActionError if the name or the text is invalid, if there are too many or no recipients, or if the founder
    can't message one of the recipients. With `options.limited`, also raises ActionError if the founder is over a rate
    limit. Raises LoginEnded if the founder's login has ended.
    """
    others = _others(founder, people)
    # The key includes the recipients, because the same form with other recipients starts another conversation.
    if options.form_key:
        options = replace(options, form_key=" ".join([options.form_key, *(str(user.id) for user in others)]))
    if len(others) == 1:
        message = send_message(founder, others[0], body, options)
        return db.session.get_one(Conversation, message.conversation_id)
    _check_size(len(others) + 1)
    name = checked_name(name, NAME_MAX, points=NAME_MAX)
    body = checked_text(body, options.max_length, options.pictures)
    # Serialise concurrent submissions of a form.
    db.session.execute(select(User.id).where(User.id == founder.id).with_for_update(key_share=True))
    if known := _started_with(send_key(founder, body, form_key_with_images(options.form_key, options.pictures))):
        return known
    states = {user.id: _initial_state(founder, user) for user in others}
    _check_strangers(founder, states, limited=options.limited)
    conversation = Conversation(name=name, newest_seq=0, started_by_id=founder.id)
    db.session.add(conversation)
    db.session.flush()
    for user_id, state in sorted({**states, founder.id: MemberState.ACCEPTED}.items()):
        db.session.execute(
            insert_into(ConversationMember).values({**new_member(conversation.id, user_id), "state": state})
        )
    send_to_group(founder, conversation.id, body, options)
    _notify_invited(conversation, founder, states)
    return conversation


def rename(member: User, conversation_id: int, name: str, *, limited: bool = False) -> None:
    """Rename a group. If `name` is empty, the group no longer has a name.

    Raises ActionError if the name is invalid, or if `member` is not in the group or has not accepted it. With
    `limited`, also raises ActionError if `member` is over a rate limit for messages. A new name counts as a message,
    because it moves the group to the top of every member's inbox.
    """
    name = checked_name(name, NAME_MAX, points=NAME_MAX)
    conversation, _memberships = _lock_for(member, conversation_id)
    if name == conversation.name:
        return
    if limited:
        rate_limits.check(member, conversation, rate_limits.sent(member, conversation), waits=False)
    conversation.name = name
    append_event(conversation, member, "named", {"name": name})
    _publish_change(conversation)


def add(member: User, conversation_id: int, people: Iterable[User], *, limited: bool = False) -> None:
    """Add people to a group. The new members see only messages that are sent later. Idempotent.

    A new member gets a message request under the same conditions as in `start`. A former member never joins at once,
    but gets a message request.

    Raises ActionError if `member` is not in the group or has not accepted it, if `people` contains no one but `member`,
    if the group gets too large, or if `member` can't message one of the people. With `limited`, also raises ActionError
    if `member` has added too many people today who get a message request.
    """
    conversation, memberships = _lock_for(member, conversation_id)
    inside = {user_id for user_id, membership in memberships.items() if membership.state != MemberState.LEFT}
    joining = [user for user in _others(member, people) if user.id not in inside]
    if not joining:
        return
    _check_size(len(inside) + len(joining))
    states = {user.id: _initial_state(member, user, returns=user.id in memberships) for user in joining}
    _check_strangers(member, states, limited=limited)
    for user_id, state in states.items():
        _join(conversation, user_id, state)
    for user in joining:
        append_event(conversation, member, "added", {"user_id": user.id, "username": user.username})
    _publish_change(conversation)
    _notify_invited(conversation, member, states)


def leave(member: User, conversation_id: int) -> None:
    """Leave a group. The member no longer sees the group, but can be added again. Idempotent.

    Raises ActionError if the conversation is not a group.
    """
    conversation, memberships = lock_with_members(conversation_id)
    mine = memberships.get(member.id)
    if mine is None or mine.state == MemberState.LEFT:
        return
    if not conversation.is_group:
        raise ActionError(_l("You can only leave groups."))
    mine.state, mine.left_seq, mine.draft = MemberState.LEFT, conversation.newest_seq, ""
    append_event(conversation, member, "left", {})
    _publish_change(conversation)
    notifications.publish_conversation_state(conversation.id, [member.id])
    notifications.publish_unread_count(member.id)
    notifications.publish_request_count(member.id)


def _others(person: User, people: Iterable[User]) -> list[User]:
    """Return `people` in the order of their ids, without duplicates and without `person`.

    Raises ActionError if no one is left.
    """
    others = {user.id: user for user in people if user.id != person.id}
    if not others:
        raise ActionError(_l("Add a recipient."))
    return [others[user_id] for user_id in sorted(others)]


def _check_size(number: int) -> None:
    if number > MAX_MEMBERS:
        raise ActionError(
            _ln("A group can have up to %(num)s member.", "A group can have up to %(num)s members.", MAX_MEMBERS)
        )


def _started_with(key: str | None) -> Conversation | None:
    """Return the group that was started by submitting the form with this key, or None if there is none."""
    if key is None:
        return None
    query = select(Conversation).join(Message, Message.conversation_id == Conversation.id)
    return db.session.scalar(query.where(Message.form_key == key))


def _lock_for(member: User, conversation_id: int) -> tuple[Conversation, Members]:
    """Lock a group. Return the group and its memberships, including those of former members.

    Raises ActionError if `member` is not in the group or has not accepted it.
    """
    conversation, memberships = lock_with_members(conversation_id)
    mine = memberships.get(member.id)
    if not conversation.is_group or mine is None or mine.state == MemberState.LEFT:
        raise ActionError(_l("You're not in this group."))
    if mine.state != MemberState.ACCEPTED:
        raise ActionError(_l("Accept the request first."))
    return conversation, memberships


def _initial_state(adder: User, person: User, *, returns: bool = False) -> str:
    """Return the membership state of a person who is added to a group.

    - "accepted": the person joins at once, because they follow the adder or have accepted a conversation with the
      adder.
    - "request": the person gets a message request.
    - "declined": the person gets no message request, because they have declined one from the adder before.

    `returns` says that the person has left this group before. Such a person never joins at once. Raises ActionError if
    the adder can't message the person.
    """
    pair = between(adder, person)
    facts = permission.relationship(adder, person, pair.id if pair else 0)
    verdict = permission.decide(facts)
    if verdict.kind == "refused":
        raise ActionError(_l("You can't message %(name)s.", name=isolated(person.display_name)))
    if not returns and (facts.follows or verdict.kind == "allowed"):
        return MemberState.ACCEPTED
    return MemberState.DECLINED if facts.state == MemberState.DECLINED else MemberState.REQUEST


def _check_strangers(adder: User, states: dict[int, str], *, limited: bool) -> None:
    """Raise ActionError if the adder adds more strangers to groups than the daily limit allows.

    `states` are the membership states of the added people, by user id. Everyone whose state is not "accepted" counts as
    a stranger. Without this check, a user could avoid the daily limit of new conversations by starting groups. Nothing
    is checked unless `limited` is True.
    """
    strangers = sum(state != MemberState.ACCEPTED for state in states.values())
    if not limited or not strangers:
        return
    recent = now() - timedelta(days=1)
    begun = (
        Conversation.started_by_id == adder.id,
        Conversation.started_at > recent,
        ConversationMember.user_id != adder.id,
    )
    asked = (
        select(func.count())
        .select_from(ConversationMember)
        .join(Conversation, Conversation.id == ConversationMember.conversation_id)
    )
    added = select(func.count()).where(
        Message.sender_id == adder.id, Message.created_at > recent, Message.kind == "added"
    )
    waits = ConversationMember.state.in_((MemberState.REQUEST, MemberState.DECLINED))
    known = db.session.execute(select(asked.where(*begun, waits).scalar_subquery(), added.scalar_subquery())).one()
    if sum(known) + strangers > rate_limits.limits_of(adder).strangers_a_day:
        raise ActionError(_l("You've messaged a lot of new people today. Please try again tomorrow."))


def _join(conversation: Conversation, user_id: int, state: str) -> None:
    """Make a user a member of a group, or a former member a member again.

    The member doesn't see earlier messages. These messages don't count as unread.
    """
    seq = conversation.newest_seq
    begin = {"joined_seq": seq, "read_seq": seq, "delivered_seq": seq, "mailed_seq": seq, "newest_message_id": 0}
    fresh = {"state": state, "left_seq": None, **begin}
    membership = insert_into(ConversationMember).values({**new_member(conversation.id, user_id), **fresh})
    db.session.execute(
        membership.on_conflict_do_update(
            index_elements=[ConversationMember.conversation_id, ConversationMember.user_id], set_=fresh
        )
    )
    this = (ConversationMember.conversation_id == conversation.id, ConversationMember.user_id == user_id)
    renew = update(ConversationMember).where(*this).values(newest_seq=counters.newest_from_others())
    db.session.execute(renew.execution_options(synchronize_session=False))


def _publish_change(conversation: Conversation) -> None:
    """Increment the group's revision and publish its new state, so that open pages show the name and the members."""
    conversation.revision += 1
    inside = (
        ConversationMember.conversation_id == conversation.id,
        ConversationMember.state.in_((MemberState.ACCEPTED, MemberState.REQUEST)),
    )
    notifications.publish_conversation_state(
        conversation.id, db.session.scalars(select(ConversationMember.user_id).where(*inside)).all()
    )


def _notify_invited(conversation: Conversation, adder: User, states: dict[int, str]) -> None:
    """Notify the people who were added to a group with a message request.

    Publish each person's number of message requests, and add an event to the person's Activity page. `states` are the
    membership states of all added people, by user id.
    """
    for user_id in sorted(user_id for user_id, state in states.items() if state == MemberState.REQUEST):
        record_event(user_id, "message_request", str(conversation.id), actor=adder, known=True)
        notifications.publish_request_count(user_id)
