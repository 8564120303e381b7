"""The kernel: commands and the passage of time go in, a log of what happened comes out.

Pure and deterministic: standard library only, no clock, no I/O, no randomness but what a seed gives.
Read in the order `events`, `task`, `simulation`.
"""
