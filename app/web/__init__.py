"""Web code shared by all routes: the viewer, pages, paging, headers, error pages, filters."""
