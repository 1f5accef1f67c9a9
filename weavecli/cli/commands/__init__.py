"""A file a verb group: flags and arguments here, the work in the daemon."""
