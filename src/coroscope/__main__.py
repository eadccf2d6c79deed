"""`python -m coroscope`."""

from coroscope.cli import main

if __name__ == "__main__":
    main()
