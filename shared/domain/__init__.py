"""Pure rules: values in, values out. No clock, no event loop, no file, no socket."""
