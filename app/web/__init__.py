"""Web code that all routes share: the logged-in user, template functions, pagination, rate limits and error pages."""
