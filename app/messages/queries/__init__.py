"""What only this feature reads. One gate: a conversation is opened by threads.py, for somebody who belongs to it.

threads      the gate: opening a conversation; and the messages of an open one
inbox        the list of conversations, and the tray of requests
found        searching one's own messages
recipients   to whom one may want to write
readers      who in a group has read what one wrote
pictures     who may fetch a picture, and which files somebody names
states       what the poller is told of a conversation
newest       what the numbers kept beside the messages should be
unmailed     what no mail has told of
taken_along  what stands in an export
"""
