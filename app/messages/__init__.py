"""Private messages between two people and in groups.

Terms:
    seq              the sequence number of a message within its conversation, counted from 1
    revision         a counter of a conversation; each change of a message or of the group increments it
    message request  a conversation that its recipient has not accepted yet
    unsend, undo     remove a message within seconds of sending it, as if it had never been sent
    sealed message   a hidden copy of a deleted message, kept for some days so that it can be reported

Routes:
    routes                   the inbox, one conversation, sending, read positions, drafts
    edit_undo_delete_routes  editing, unsending and deleting a message
    request_routes           message requests; muting
    group_routes             groups
    composer_routes          the form for a new conversation
    image_routes             images
    search_routes            searching the viewer's messages
    conversation_responses   helpers of the routes: access control, URLs, the page of a conversation

Jobs:
    jobs                thumbnails, unused image files, sealed messages, the end of mutes, the daily recount

Other modules:
    permission          who may write to whom; how long a message can be unsent or edited
    actions             a package with the functions that change conversations and messages
    queries             a package with the queries that only this feature uses
    forms               the forms
    search_words        the search text of messages
    counters            recalculates cached values, such as the number of a conversation's newest message
    notifications       notifies the members of a conversation when it changes
    pending_email       the messages in notification emails
    export              the messages in a data export
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
