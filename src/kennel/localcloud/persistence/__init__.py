"""What the local cloud holds, kept on disk: snapshots of moto's objects and of the services' own."""
