"""HTTP for tools, guarded: no request reaches this machine or a private network unless that is allowed."""
