"""Web Push: what a server must know to speak to the push services of browsers. Standards only, nothing of Microblog.

keys        P-256 keys as text, the server's own and the browsers'
encryption  a message only one browser can read (RFC 8291)
vapid       the header that says who sends it (RFC 8292)
sending     the request itself, and what its answer means (RFC 8030)

None of it imports another part of the app.
"""
