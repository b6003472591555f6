"""Numbers in addresses."""

from app.queries.timelines import LARGEST_ID

ID = f"int(max={LARGEST_ID})"  # f"/post/<{ID}:post_id>": more than an INTEGER column holds is no id, so 404
