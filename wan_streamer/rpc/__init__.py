"""The wire between the services: tensors, statuses, channels, health and the life of a server process."""
