"""Reads that only this feature needs. Access control: only threads.py loads a conversation for a viewer.

threads             loads a conversation for its member, and its messages
inbox               the list of conversations, and message requests
search              searches the viewer's messages
recipients          suggests people to write to
read_by             who in a group has read a message
images              who may fetch an image, and which files are in use
conversation_state  the state of a conversation that polls receive
export              the messages part of a data export
"""
