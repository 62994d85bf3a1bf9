"""What is measured: one question a file, answered with figures for the table."""
