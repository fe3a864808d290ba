"""Jobs as files: the text that people keep, what it says, and how a stored job is said in it.

Pure: nothing here reads a file or the database. `services.ui.commands.files` carries it out.
"""
