"""What pages are made of. Each hot region is one NiceGUI element with plain HTML inside.

An element per row or cell would be walked on every update and kept per client on the server; these
components fetch the REST API and follow `/api/v1/stream` in the browser instead. They take facts as
props, and nothing here asks the database or changes anything.
"""
