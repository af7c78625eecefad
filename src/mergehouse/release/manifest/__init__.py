"""The release contract: manifest, versions, seal, statistics."""
