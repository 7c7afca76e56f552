"""The simulated venue: its configuration and models."""
