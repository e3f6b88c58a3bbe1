"""What a person asks of the images on the command line: a module for each command.

A module has HELP, DESCRIPTION, EXAMPLES, add_options(parser) and run(options). What it works with it
imports when it runs, so that asking for help loads none of it.
"""
