"""Definitions for the platforms that read a lakehouse where it lies, written from its contracts."""
