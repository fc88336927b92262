"""What `connector generate` made of the description: models (typed rows) and streams (how they are read)."""
