"""Commands for tools: which ones are allowed, and running one so that nothing of it is left."""
