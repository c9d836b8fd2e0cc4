"""pachctl, the command line: what is typed becomes calls to the server, and what it answers becomes text."""
