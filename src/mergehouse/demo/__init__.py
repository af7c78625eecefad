"""Demonstration exports: seeded, streamed in chunks, with the traps of real exports and the exact truth
beside them.
"""

from mergehouse.demo.generator import generate

__all__ = ["generate"]
