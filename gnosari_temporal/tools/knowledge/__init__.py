"""Knowledge for tools: a small full-text index over a folder."""
