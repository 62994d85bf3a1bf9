"""The command line `limen`: one module for each command, loaded when that command is called."""
