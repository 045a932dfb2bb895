"""The use cases behind the HTTP API: verify, settle, status, supported."""
