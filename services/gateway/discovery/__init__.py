"""Where the thinkers are: a static list, or what a cluster's API server says."""
