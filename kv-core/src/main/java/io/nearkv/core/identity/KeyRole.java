package io.nearkv.core.identity;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a key may sign. A key has one role for life: what is signed by a key of another role counts as signed by nobody. */
public enum KeyRole {
    /** The tokens of callers. */
    TOKEN("token"),
    /** The build tokens of servers. */
    BUILD("build"),
    /** The list of revoked tokens. */
    REVOCATION("revocation"),
    /** Route documents and the ledger of known-good builds. Made by {@code nearkv env create}. */
    ROUTE("route"),
    /** Routes of an emergency, by keys that people keep. Made by {@code nearkv env create}. */
    BREAK_GLASS("breakglass");

    /** The roles that a node cannot work without: the first start makes a key for each, and rotates them where it lies. */
    static final List<KeyRole> OF_A_NODE = List.of(TOKEN, BUILD, REVOCATION);

    private final String label;

    KeyRole(String label) {
        this.label = label;
    }

    /** Returns the name in files, in key ids and on the command line, such as {@code token}. */
    public String label() {
        return label;
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
