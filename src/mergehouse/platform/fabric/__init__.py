"""Microsoft Fabric: items, shortcuts and the REST interface."""
