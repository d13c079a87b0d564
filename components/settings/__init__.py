"""A stack's settings: typed, frozen, all valid together before anything is asked of a cluster."""

from components.settings.config import load, read
from components.settings.load import parse
from components.settings.mistakes import Mistake, WrongSettings
from components.settings.model import Settings

__all__ = ["Mistake", "Settings", "WrongSettings", "load", "parse", "read"]
