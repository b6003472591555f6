"""Web Push: encrypt a message for a browser, and send it to the browser's push service.

keys        parses and creates P-256 keys as text, the server's own and the browsers'
encryption  encrypts a message so that only one browser can decrypt it (RFC 8291)
vapid       creates the header that identifies the sender (RFC 8292)
sending     sends the request and interprets the response (RFC 8030)

The package imports no other part of the app.
"""
