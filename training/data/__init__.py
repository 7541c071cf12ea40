"""From files to batches: tables, labels, rows, examples, sampling, collation."""
