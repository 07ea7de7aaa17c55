"""The builtin tools. A message or a team file may name any of them; each module holds one."""
