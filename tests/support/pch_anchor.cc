// A library needs a source; this one only carries the precompiled header.
