"""Benchmarks: one run measures both sides side by side and prints ratios. Times are never asserted."""
