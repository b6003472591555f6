"""Benchmarks that check the performance targets. Most targets are ratios to a baseline measured in the same run."""
