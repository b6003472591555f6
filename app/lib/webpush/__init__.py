"""Web Push: encrypt a message for a browser, and send it to the browser's push service.

keys        creates and parses the keys of the server and of browsers
encryption  encrypts a message so that only one browser can decrypt it (RFC 8291)
vapid       creates the header that identifies the sender (RFC 8292)
sending     sends the request and interprets the response (RFC 8030)

The package imports no other part of the app.
"""
