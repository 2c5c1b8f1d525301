"""What a connector raises to tell the runtime something: the three classes of fault, and the end of input.

The runtime sorts every exception that leaves a plugin *before* any error policy applies:

=================  =======================================================  ==========================================
raised             means                                                    the runtime
=================  =======================================================  ==========================================
RecordError        this record, and no other, is at fault                   applies the error policy to this record
TransientError     the outside world is at fault for now                    pauses the source, backs off, tries again
FatalError         trying again cannot help                                 stops the pipeline, exit code 74
FencedError        another owner wrote with a newer epoch                   stops the pipeline, exit code 75
EndOfInput         a bounded source has handed out everything (no fault)    finishes the pipeline
anything else      a bug of the plugin                                      stops the pipeline, exit code 70
=================  =======================================================  ==========================================
"""

from __future__ import annotations

from fluxion_core.errors import FatalError, FencedError, RecordError, StateError, TransientError

__all__ = ["EndOfInput", "FatalError", "FencedError", "RecordError", "StateError", "TransientError"]


class EndOfInput(Exception):  # a signal like StopIteration, not an error
    """Raised by ``Source.poll`` when a bounded source has no more records, now or ever."""
