"""How a script is confined: the door behind which every sandbox level lives."""
