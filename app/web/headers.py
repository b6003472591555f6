"""Security headers for all responses: pages, JSON, files, errors and responses to polls."""

from __future__ import annotations

from flask import Flask, Response

# 'self' allows no inline scripts or styles, and nothing from other hosts. The favicon with the badge is a data: URL.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
SECURITY_HEADERS: dict[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Add the security headers to every response of `app`.

    Responses without a Cache-Control header also get "Cache-Control: no-store". So after a user has logged out, the
    browser's Back button doesn't show private pages from its cache.
    """
    headers = dict(SECURITY_HEADERS)
    if app.config["SITE_URL"].startswith("https://"):
        headers["Strict-Transport-Security"] = HSTS
    app.config["ANSWER_HEADERS"] = headers

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
