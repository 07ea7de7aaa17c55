"""Databases for tools: one statement, read-only for real, within a time and a number of rows."""
