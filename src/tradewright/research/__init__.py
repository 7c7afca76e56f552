"""What a run says: results, statistics, reports."""
