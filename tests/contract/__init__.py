"""One suite for each base.py, run on the twin in memory and on the real one alike."""
