"""What is wrong with a snapshot, in one sentence with the way out."""

from __future__ import annotations


class SnapshotError(Exception):
    """A snapshot that cannot be saved or loaded; the message says why, and what would help."""
