"""What plugins implement: one small documented interface for each role."""
