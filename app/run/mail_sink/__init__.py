"""The mail sink: receives the email of a site without a mail server, and shows it on a local page.

It accepts SMTP as a real mail server would. The page lists the emails for new operators, developers and the browser
tests. It serves only 127.0.0.1, as it shows email, including password reset links, without a login.
"""
