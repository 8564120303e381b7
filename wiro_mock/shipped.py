"""Where the shipped scenarios lie, and the ready-made files beside them."""

from __future__ import annotations

from pathlib import Path


def shipped() -> Path:
    """The folder of the shipped scenarios: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"
