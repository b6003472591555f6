"""URL converters for ids."""

from app.queries.timelines import LARGEST_ID

ID = f"int(max={LARGEST_ID})"  # for f"/post/<{ID}:post_id>": a number too large for an INTEGER column gives 404
