"""Subcommands of ``lienthong`` that have subcommands of their own, one module each; ``cli`` mounts them."""
