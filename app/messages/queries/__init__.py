"""What this feature reads. One gate: a conversation is opened by threads.py, for somebody who belongs to it."""
