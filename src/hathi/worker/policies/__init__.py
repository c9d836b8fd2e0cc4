"""What a spec says about trying again, pure; what it says of a single attempt is in `hathi.datum.policies`."""
