"""All cases of script/field: importing their modules registers them."""

import importlib
import shutil

MODULES = ("field_clocks", "field_durations", "field_queue_names", "field_loops", "field_spool_damage", "field_ownership", "field_signals",
           "field_headers", "field_content", "field_limits", "field_sessions", "field_dns", "field_redis", "field_http", "field_browser",
           "field_descriptors", "field_memory", "field_lua", "field_volumes")


def load():
    for name in MODULES:
        importlib.import_module(name)


def clean():
    """What is shared by all cases of a run: the compiled clocks."""
    import preload_clock
    if preload_clock.library.cache_info().currsize:
        import os
        shutil.rmtree(os.path.dirname(preload_clock.library()), ignore_errors=True)
