"""The only room that changes a machine."""
