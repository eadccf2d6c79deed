"""What turns all that the interpreter tells of a run into columns, in parts."""

from coroscope.stepper.recorder.recorder import Recorder

__all__ = ["Recorder"]
