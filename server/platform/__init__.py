"""What the core stands on: databases, time, secrets, logs. Knows no feature."""
