"""The base images that an image folder is locked to, and what AWS says of them."""
