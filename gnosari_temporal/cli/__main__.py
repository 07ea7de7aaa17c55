"""``python -m gnosari_temporal.cli`` is the ``gnosari`` command."""

from .main import main

if __name__ == "__main__":
    main()
