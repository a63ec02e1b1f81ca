package io.nearkv.server.command;

import io.nearkv.core.Condition;
import io.nearkv.server.cli.CommandException;

/** Conditions as the command line writes them. */
final class Conditions {
    private Conditions() {}

    /** Returns the condition of {@code --if-version}. */
    static Condition ifVersion(long version) {
        if (version < 1) {
            throw CommandException.usage("--if-version: " + version
                    + " (expected: at least 1; --if-absent is for a key that must not be there)");
        }
        return Condition.ifVersion(version);
    }
}
