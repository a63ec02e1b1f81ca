package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.util.regex.Pattern;

/**
 * A named world with its own trust, such as {@code production}: data, tokens and builds belong to exactly one. Immutable.
 *
 * @param name a lower-case letter, then up to 31 lower-case letters, digits and hyphens
 */
public record Environment(String name) {
    private static final Pattern FORM = Pattern.compile("[a-z][a-z0-9-]{0,31}");

    /** Checks the form of the name, with {@link IllegalArgumentException}; {@link #parse} is for names that users type. */
    public Environment {
        if (!isWellFormed(name)) {
            throw new IllegalArgumentException(explain(name));
        }
    }

    /**
     * Returns the environment of this name.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it has not the form of one
     */
    public static Environment parse(String name) {
        if (!isWellFormed(name)) {
            throw new KvException(ErrorCode.INVALID_REQUEST, explain(name));
        }
        return new Environment(name);
    }

    static boolean isWellFormed(String name) {
        return FORM.matcher(requireNonNull(name, "name")).matches();
    }

    private static String explain(String name) {
        return "environment '" + Key.display(name)
                + "' (expected: a lower-case letter, then up to 31 lower-case letters, digits and hyphens)";
    }

    /** Returns the name. */
    @Override
    public String toString() {
        return name;
    }
}
