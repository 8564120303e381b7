"""`python -m wiro_mock` is `wiro-mock`."""

from wiro_mock.cli import main

if __name__ == "__main__":
    main()
