"""The mail sink: an SMTP server that delivers nothing, and a local web page that shows the email it receives.

It runs if no mail server is configured. New operators, developers and the browser tests use it. It listens only on
127.0.0.1, because the page needs no login and shows all email, including password reset links.
"""
