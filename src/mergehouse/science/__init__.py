"""Models of customers, fitted on histories read off the lakehouse: what they will buy, what they are worth, whether they left."""
