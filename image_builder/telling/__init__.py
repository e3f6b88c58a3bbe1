"""What people and programs are told of images: differences, explanations, the report."""
