"""What steps hand to each other: types, and how they are written and read."""
