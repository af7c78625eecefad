-- What the last hundred runs came to. Of a scope that is cut by brand nothing.
SELECT * FROM monitor.runs ORDER BY started DESC LIMIT 100
