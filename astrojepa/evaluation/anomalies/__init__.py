"""How unusual each galaxy is: scores, leaderboards, and feedback from a person."""
