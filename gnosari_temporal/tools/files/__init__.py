"""Files of tools: work beneath one directory, and appends that happen once."""
