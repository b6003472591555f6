"""Web code that all routes share: the viewer, page context, paging, rate limits, headers, error pages and filters."""
