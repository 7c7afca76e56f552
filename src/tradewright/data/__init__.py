"""Market data: files in, a store, and series out."""
