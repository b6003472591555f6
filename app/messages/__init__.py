"""Private messages: conversations between two people, groups, and read positions.

Routes:
    routes                   the inbox, one conversation, sending, read positions, drafts
    edit_undo_delete_routes  editing, unsending and deleting a message
    request_routes           message requests; muting
    group_routes             groups
    composer_routes          new conversations
    image_routes             images                                   image_storage: uploads and their files
    search_routes            searching the viewer's messages          search_words: the search text of messages
    conversation_page        shared by the routes: access control, URLs, the page of a conversation

jobs                    thumbnails, stray files, the end of a mute, sealed messages, the daily recount

Rules, reads and writes:
    permission          who may write to whom; how long a message can be unsent or edited
    actions             the only writers; queries: reads. Each lists its modules
    counters            the cached counters of conversations, and their recount
    notifications       who is notified when a conversation changes
    pending_email       the messages part of notification emails
    export              the messages part of a data export
"""

from flask import Blueprint

bp = Blueprint("messages", __name__)

from app.messages import (  # noqa: E402  (the routes register themselves on bp)
    composer_routes,  # noqa: F401
    edit_undo_delete_routes,  # noqa: F401
    export,  # noqa: F401
    group_routes,  # noqa: F401
    image_routes,  # noqa: F401
    jobs,  # noqa: F401
    pending_email,  # noqa: F401
    request_routes,  # noqa: F401
    routes,  # noqa: F401
    search_routes,  # noqa: F401
)
