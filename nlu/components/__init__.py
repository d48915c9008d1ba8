"""Components that Rasa loads by module path from config.yml and credentials.yml (CPython 3.10 only)."""
