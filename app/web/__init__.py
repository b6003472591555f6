"""What routes share: the viewer, pages, paging, headers, error pages, filters."""
