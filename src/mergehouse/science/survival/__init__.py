"""Who buys again, and when: survival curves, hazards and the outlook of segments."""
