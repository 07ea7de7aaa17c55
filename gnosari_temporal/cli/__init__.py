"""The ``gnosari`` command: one module for each command, none of which is imported before it runs."""
