"""The contestants of `benchmarks.release_on_aws`, each a process of its own, and what they are given to do."""
