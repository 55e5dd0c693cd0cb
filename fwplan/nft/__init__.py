"""nftables' own objects as values, and how they are written."""
