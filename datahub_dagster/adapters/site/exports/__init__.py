"""A dataset's contract in the words of others: to download, for programs."""
