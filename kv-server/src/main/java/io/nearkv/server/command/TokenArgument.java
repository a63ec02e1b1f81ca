package io.nearkv.server.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.identity.IdentityLimits;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import java.io.IOException;

/** A token that is given as an argument, or read from standard input so that no other user of the machine can see it. */
final class TokenArgument {
    private TokenArgument() {}

    /** Returns the argument, or for {@code -} what standard input holds. */
    static String read(String argument, Console console) throws IOException {
        if (!argument.equals("-")) {
            return argument.strip();
        }
        byte[] bytes = console.in().readNBytes(IdentityLimits.MAX_TOKEN_CHARS + 2);
        String token = new String(bytes, UTF_8).strip();
        if (token.isEmpty()) {
            throw CommandException.usage("standard input holds no token");
        }
        return token;
    }
}
