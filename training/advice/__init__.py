"""What this project's measurements say of a planned run: settings that were found to cost score or time."""
