"""The command line calls us: same file names as cli/commands."""
