"""What customers are told by e-mail: queued with what it tells of, sent later."""
