"""The same four jobs, as each system has them written: what the workers of the benchmarks run."""
