"""Holds fwplan against libvirt's own test data, wherever that lies; nothing of it is part of the project."""
