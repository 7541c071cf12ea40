"""From the results to `docs/performance.md` and its pictures."""
