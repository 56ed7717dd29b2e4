"""What happened to one payment, hop by hop, and which payments stand still."""
