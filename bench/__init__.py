"""Benchmarks of the performance targets, mostly as ratios to a baseline measured in the same run."""
