"""Edit commands: what canvas, outline, panel and API send to change a definition.

`edit(data, commands)` gives the new data, or raises `Refused` and leaves everything as it was. Of the text of a draft nothing
is known here. Routes that are made here lead forward and on their own level; what else is wrong with a definition is the proof's
to say, and no reason to refuse, but for what is beyond all bounds.

    commands    what may be sent
    edit        one after the other, all or nothing
    excess      what no command may bring
    edited      what comes back
    draft       the data while it is edited, and where each step stands
    places      which keys lead somewhere
    keys        places within a step
    mentions    everything that names or reads something
    starters    the smallest step of each type
    building    add, remove
    routing     connect, disconnect
    moving      move
    pasting     copy, paste
    renaming    rename
    contracts   rename_fields
    setting     set, unset, insert
    arranging   arrange
"""

from orchestration.core.editing.commands import Command, read_commands
from orchestration.core.editing.contracts import call_otherwise
from orchestration.core.editing.edit import edit
from orchestration.core.editing.edited import Edited, Note
from orchestration.core.editing.pasting import copy

__all__ = ["Command", "Edited", "Note", "call_otherwise", "copy", "edit", "read_commands"]
