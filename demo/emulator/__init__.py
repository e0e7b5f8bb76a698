"""The embedded AWS: LocalEmu without Docker, closer to AWS where the product would notice the difference.

May touch: nothing by itself; `python -m demo.emulator` starts the server. `moto_fixes` and `jsonata_shim`
also serve tests that run on plain moto, so this file imports neither.

Never does: import LocalEmu, which only the emulator's own interpreter has.
"""
