"""EC2: images, monitoring, and instances as far as they run something."""
