"""What a visitor marked and collected, kept in the browser."""
