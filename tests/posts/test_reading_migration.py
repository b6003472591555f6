"""What stands in the database before migration 0005 is found by what came with it."""

from __future__ import annotations

import flask_migrate
from sqlalchemy import text

from app.extensions import db as the_db
from app.lib.text.search import query_terms
from app.models import User
from app.queries import name_prefixes, search
from tests.factories import a_message, a_post, a_user


def test_migration_makes_existing_posts_searchable_by_flag_and_tag(make_app, database, as_):
    app = make_app(database_url=database.copy())
    with app.app_context():
        ana, ben = a_user("ana", name="Ana 🇫🇷"), a_user("ben")
        a_post(ana, "🇩🇪 gewinnt #Fußball")
        a_post(ana, "no flag, no sign")
        a_message(ana, ben, "🇯🇵 next year")
        for table in ("post", "message"):
            the_db.session.execute(text(f"UPDATE {table} SET search_text = replace(search_text, '🇩🇪', 'x')"))
            the_db.session.execute(text(f"UPDATE {table} SET search_text = replace(search_text, '🇯🇵 ', '')"))
        the_db.session.execute(text("""UPDATE "user" SET search_text = 'ana ana' WHERE username = 'ana'"""))
        the_db.session.commit()
        flask_migrate.downgrade(revision="0004")
        flask_migrate.upgrade()
        ana = the_db.session.get_one(User, 1)
        found = the_db.session.scalars(search.posts(query_terms("🇩🇪")), {"viewer_id": ana.id}).unique().all()
        assert [post.body for post in found] == ["🇩🇪 gewinnt #Fußball"]
        assert [user.username for user in name_prefixes.people_named(ana, "🇫🇷", 5)] == ["ana"]
        assert name_prefixes.tags_named(ana, "fussb", 5) == ["Fußball"]
        words = the_db.session.scalar(text("SELECT search_text FROM message"))
        assert words == "\ue0001 \ue0002 🇯🇵 next year"
        the_db.session.remove()
