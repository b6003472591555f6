"""The URL converter that routes use for ids."""

from app.queries.timelines import LARGEST_ID

ID = f"int(max={LARGEST_ID})"  # as in f"/post/<{ID}:post_id>"; a number too large for an INTEGER column results in 404
