"""Stand-ins for Pulumi's resource plugins, which cannot be downloaded offline; bin/ is put on PATH."""
