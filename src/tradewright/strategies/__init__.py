"""Policies that ship with tradewright, written on its public API alone."""
