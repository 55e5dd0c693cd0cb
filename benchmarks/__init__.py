"""What fwplan takes, as ratios to what nft or Python alone takes in the same run."""
