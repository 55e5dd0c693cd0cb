"""What is on a host, held against what its networks promise: findings, each with whose doing it is and what helps."""
