"""Private messages: one conversation for each pair of people, groups, and how far each person has read.

Doors (HTTP), each with the parts of a page that it alone needs:
    routes              the list of conversations, an open one, sending, how far it was read
    changing_routes     taking back, editing, deleting a message          windows: for how long that is possible
    request_routes      the tray of requests; muting
    group_routes        groups                                            group_forms
    composer_routes     beginning a conversation                          composing: its page, also when it is refused
    image_routes        pictures                                          images: uploads, and the store
    search_routes       searching one's own messages                      search: by which words they are found
    opening             what these share: the gate, addresses, the page of a conversation          forms

Doors (queue):
    side_jobs           the end of a mute
    image_jobs          thumbnails, stray files
    sealed_jobs         removing what deleted messages said, after SEALED_DAYS
    upkeep              counting anew, every day                          recount

Rules and deeds:
    permission          may one write to another?
    actions             the only writers; queries: reads. Each says in its __init__ which file is for what
    telling             who is told that a conversation moved: pages, mail, push
    mailing, export     what a mail and an export say of messages
"""

from flask import Blueprint

bp = Blueprint("messages", __name__)

from app.messages import (  # noqa: E402  (doors register themselves on bp)
    changing_routes,  # noqa: F401
    composer_routes,  # noqa: F401
    export,  # noqa: F401
    group_routes,  # noqa: F401
    image_jobs,  # noqa: F401
    image_routes,  # noqa: F401
    mailing,  # noqa: F401
    request_routes,  # noqa: F401
    routes,  # noqa: F401
    sealed_jobs,  # noqa: F401
    search_routes,  # noqa: F401
    side_jobs,  # noqa: F401
    upkeep,  # noqa: F401
)
