"""The database triggers that update the counters in `profile_count`, as SQL for each engine.

Triggers are used because they also run for bulk deletes, for cascades, and for the previous version of the app while
an update is in progress. A `follow` row is counted if its column `counted` is true. app/profiles/counters.py updates
this column when an account is closed or restored.

On PostgreSQL, the triggers of posts and follows run at the commit. So if two users follow a third one at the same time,
their transactions wait for each other only during the commit. To prevent deadlocks, every transaction locks in one
order: first the notification clocks of its users (app/notifications/user_clock.py), then rows of `profile_count`. The
trigger of a follow locks the rows of both users in the order of their ids.

Alembic's batch mode replaces a table on SQLite, which deletes the triggers of the table. So a migration that changes
user, post or follow in batch mode must call `drop(op)` before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

ACTIVE = '(SELECT count(*) FROM "user" WHERE id IN ({row}.follower_id, {row}.followed_id) AND active) = 2'

SQLITE_FOLLOW = """
    UPDATE profile_count SET following = following {step} WHERE user_id = {row}.follower_id;
    UPDATE profile_count SET followers = followers {step} WHERE user_id = {row}.followed_id;
"""
SQLITE = {
    "user_insert": """AFTER INSERT ON "user" BEGIN
    INSERT INTO profile_count (user_id, posts, followers, following) VALUES (new.id, 0, 0, 0);
END""",
    "post_insert": """AFTER INSERT ON post BEGIN
    UPDATE profile_count SET posts = posts + 1 WHERE user_id = new.author_id;
END""",
    "post_delete": """AFTER DELETE ON post BEGIN
    UPDATE profile_count SET posts = posts - 1 WHERE user_id = old.author_id;
END""",
    # A follow of an inactive account is first counted too. Setting `counted` to 0 then runs follow_update, which
    # subtracts it again.
    "follow_insert": f"""AFTER INSERT ON follow WHEN new.counted BEGIN
    {SQLITE_FOLLOW.format(step="+ 1", row="new")}
    UPDATE follow SET counted = 0 WHERE follower_id = new.follower_id AND followed_id = new.followed_id
        AND NOT {ACTIVE.format(row="new")};
END""",
    "follow_delete": f"""AFTER DELETE ON follow WHEN old.counted BEGIN
    {SQLITE_FOLLOW.format(step="- 1", row="old")}
END""",
    "follow_update": f"""AFTER UPDATE OF counted ON follow WHEN new.counted <> old.counted BEGIN
    {SQLITE_FOLLOW.format(step="+ new.counted - old.counted", row="new")}
END""",
}

POSTGRESQL_FUNCTIONS = {
    "profile_count_of_user()": """RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO profile_count (user_id, posts, followers, following) VALUES (NEW.id, 0, 0, 0);
    RETURN NULL;
END $$""",
    "profile_count_of_post()": """RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE profile_count SET posts = posts + 1 WHERE user_id = NEW.author_id;
    ELSE
        UPDATE profile_count SET posts = posts - 1 WHERE user_id = OLD.author_id;
    END IF;
    RETURN NULL;
END $$""",
    "profile_count_pair(follower integer, followed integer, step integer)": """RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF follower < followed THEN
        UPDATE profile_count SET following = following + step WHERE user_id = follower;
        UPDATE profile_count SET followers = followers + step WHERE user_id = followed;
    ELSE
        UPDATE profile_count SET followers = followers + step WHERE user_id = followed;
        UPDATE profile_count SET following = following + step WHERE user_id = follower;
    END IF;
END $$""",
    "profile_count_of_follow()": f"""RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' AND NEW.counted THEN
        PERFORM profile_count_pair(NEW.follower_id, NEW.followed_id, 1);
        UPDATE follow SET counted = false WHERE follower_id = NEW.follower_id AND followed_id = NEW.followed_id
            AND NOT {ACTIVE.format(row="NEW")};
    ELSIF TG_OP = 'DELETE' AND OLD.counted THEN
        PERFORM profile_count_pair(OLD.follower_id, OLD.followed_id, -1);
    ELSIF TG_OP = 'UPDATE' AND NEW.counted <> OLD.counted THEN
        PERFORM profile_count_pair(NEW.follower_id, NEW.followed_id, NEW.counted::integer - OLD.counted::integer);
    END IF;
    RETURN NULL;
END $$""",
}
DEFERRED = "DEFERRABLE INITIALLY DEFERRED"
POSTGRESQL = {
    "user": 'CREATE TRIGGER profile_count_user AFTER INSERT ON "user"'
    " FOR EACH ROW EXECUTE FUNCTION profile_count_of_user()",
    "post": f"CREATE CONSTRAINT TRIGGER profile_count_post AFTER INSERT OR DELETE ON post {DEFERRED}"
    " FOR EACH ROW EXECUTE FUNCTION profile_count_of_post()",
    "follow": "CREATE CONSTRAINT TRIGGER profile_count_follow"
    f" AFTER INSERT OR DELETE OR UPDATE OF counted ON follow {DEFERRED}"
    " FOR EACH ROW EXECUTE FUNCTION profile_count_of_follow()",
}

FILL = """
INSERT INTO profile_count (user_id, posts, followers, following)
SELECT id, (SELECT count(*) FROM post WHERE author_id = "user".id),
    (SELECT count(*) FROM follow WHERE followed_id = "user".id AND counted),
    (SELECT count(*) FROM follow WHERE follower_id = "user".id AND counted)
FROM "user"
"""
MARK = f"UPDATE follow SET counted = false WHERE NOT {ACTIVE.format(row='follow')}"


def create(op: Any) -> None:
    """Create the triggers that update `profile_count`, and on PostgreSQL the functions that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        for name, body in POSTGRESQL_FUNCTIONS.items():
            op.execute(f"CREATE FUNCTION {name} {body}")
        for trigger in POSTGRESQL.values():
            op.execute(trigger)
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER profile_count_{name} {body}")


def fill(op: Any) -> None:
    """Count the existing posts and follows of all users, and store the numbers in `profile_count`.

    Call this before `create`. Afterwards, a trigger may already have inserted the row of a new user, and inserting it
    again would fail.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute('LOCK TABLE "user", follow, post IN SHARE ROW EXCLUSIVE MODE')  # until the commit
    op.execute(MARK)
    op.execute(FILL)


def drop(op: Any) -> None:
    """Drop the triggers and functions that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for table in POSTGRESQL:
            op.execute(f'DROP TRIGGER profile_count_{table} ON "{table}"')
        for name in reversed(POSTGRESQL_FUNCTIONS):
            op.execute(f"DROP FUNCTION {name}")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER profile_count_{name}")
