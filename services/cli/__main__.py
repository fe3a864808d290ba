"""`python -m services.cli`: what stage 0 hands over to."""

from services.cli.main import main

if __name__ == "__main__":
    main()
