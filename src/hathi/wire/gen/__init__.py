"""Generated from hathi/wire/proto by scripts/protos.py; do not edit."""
