"""The image folders: what they promise, and the image of the web app itself, built and booted."""
