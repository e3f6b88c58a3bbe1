"""What a person does to a rollout on the command line: a module for each command.

A module has HELP, DESCRIPTION, EXAMPLES, EXIT_CODES, add_options(parser) and run(options). What it works with
it imports when it runs, so that asking for help loads none of it.
"""
