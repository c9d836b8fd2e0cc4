"""How what the server says is shown: tables, details, sizes, times, raw messages, progress."""
