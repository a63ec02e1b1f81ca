package io.nearkv.core.identity;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a key may sign. A key has one role for life: what is signed by a key of another role counts as signed by nobody. */
public enum KeyRole {
    /** The tokens of callers. */
    TOKEN,
    /** The build tokens of servers. */
    BUILD,
    /** The list of revoked tokens. */
    REVOCATION;

    /** Returns the name in files and on the command line, such as {@code token}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the role with this label, or null if there is none. */
    public static @Nullable KeyRole ofLabel(String label) {
        for (KeyRole role : values()) {
            if (role.label().equals(label)) {
                return role;
            }
        }
        return null;
    }
}
