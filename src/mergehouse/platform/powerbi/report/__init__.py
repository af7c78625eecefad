"""The Power BI report in Microsoft's PBIR format, a file for each kind of thing in it."""
