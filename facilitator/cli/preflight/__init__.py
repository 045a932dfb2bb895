"""What can be tried and judged without serving, for an operator who asks what is wrong."""
