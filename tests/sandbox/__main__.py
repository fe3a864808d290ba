"""Write the table of hostile scripts into docs/security.md: python -m tests.sandbox."""

from tests.sandbox.headers import headers
from tests.sandbox.table import write

if __name__ == "__main__":
    write(headers())
