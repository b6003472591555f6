"""URL converters for ids."""

from app.queries.timelines import LARGEST_ID

ID = f"int(max={LARGEST_ID})"  # f"/post/<{ID}:post_id>": a number that no INTEGER column can hold is not an id, so 404
