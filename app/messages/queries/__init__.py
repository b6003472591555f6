"""Queries that only app/messages uses, for conversations and messages.

Access control: only conversations.py loads a conversation for a viewer. It checks that the viewer is a member.

conversations       loads a conversation for a member
message_pages       loads the messages of a conversation, a page at a time
inbox               lists conversations and message requests
search              searches the viewer's messages
recipients          suggests people to write to
read_by             lists who in a group has read a message
images              checks who may fetch an image, and finds which files are in use
conversation_state  computes the state of a conversation that polls return
export              reads the messages for a data export
"""
