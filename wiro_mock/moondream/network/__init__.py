"""Moondream 3 in torch, of our own writing: the checkpoint's names, so that weights load without a table of names.

Compared, when it was written, with code derived from the official one (June 2025, Apache-2.0) to 1e-6 in fp32 on all
four skills, and with mlx-vlm's independent module to 2e-6; not yet on real weights: `wiro-mock moondream check` does
that. Every module here imports torch, and nothing outside imports these modules before an engine is asked for.
"""
