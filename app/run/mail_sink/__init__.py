"""Takes the mail of a site that has no mail server yet, and shows it on a page of this machine.

It stands in for the world: SMTP on one side, as the real thing, and on the other a list that a newcomer, a developer
and the browser tests read. It serves 127.0.0.1 only, for it shows mail, and with it reset links, to whoever asks.
"""
