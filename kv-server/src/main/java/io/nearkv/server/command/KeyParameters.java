package io.nearkv.server.command;

import picocli.CommandLine.Parameters;

/** The parameters {@code NAMESPACE KEY}. */
final class KeyParameters {
    @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
    private String namespace = "";

    @Parameters(index = "1", paramLabel = "KEY", description = "The key: 1 to 512 bytes of UTF-8, not '.' or '..'.")
    private String key = "";

    String namespace() {
        return namespace;
    }

    String key() {
        return key;
    }
}
