"""``make bench``."""

from .overhead import main

main()
