"""Pages: what every page of HTML shares that needs nothing else: its frame, its policy, its pictures, its place."""
