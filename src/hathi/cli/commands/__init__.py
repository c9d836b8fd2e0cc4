"""The commands, a file for each small group; `hathi.cli.registry` says which command is where."""
