"""The Power BI report in Microsoft's PBIR format: pages, visuals, bookmarks and theme, a file for each kind of thing."""
