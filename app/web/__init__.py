"""Web code that all routes share: viewer, template context, pagination, rate limits, headers, error pages, filters."""
