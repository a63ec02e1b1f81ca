package io.nearkv.bench.micro;

/** What the server of a benchmark serves. */
public enum Backing {
    /** The engine. */
    ENGINE,
    /** A hash map. */
    MAP
}
