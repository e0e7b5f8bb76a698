"""The deployed stack on the embedded AWS, IAM enforced."""
