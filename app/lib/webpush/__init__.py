"""Web Push: the protocol between a server and the push services of browsers.

keys        P-256 keys as text, the server's own and the browsers'
encryption  a message that only one browser can decrypt (RFC 8291)
vapid       the header that identifies the sender (RFC 8292)
sending     the request itself, and what the response means (RFC 8030)

The package imports no other part of the app.
"""
