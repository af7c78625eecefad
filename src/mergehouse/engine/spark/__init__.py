"""The same models on Apache Spark or a Spark Connect server."""
