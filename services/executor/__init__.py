"""Runs scripts: claims attempts, starts them in a sandbox and reports. Knows no database."""
