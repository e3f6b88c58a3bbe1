"""The stack's settings, from Pulumi's config."""

from settings.loading import SettingsError, load_settings
from settings.stack import StackSettings

__all__ = ["SettingsError", "StackSettings", "load_settings"]
