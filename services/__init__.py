"""The services: each folder is a process, and no service imports another."""
