"""Recordings of venues' own messages, as series of book events, quotes and trades."""
