package io.nearkv.core.identity;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a token lets its bearer do in a scope. */
public enum Permission {
    /** Get, list and watch entries; see the namespace. */
    READ(1),
    /** Put and delete entries. Does not imply {@link #READ}. */
    WRITE(2),
    /** Everything in the scope. On a namespace: rename and delete it too; on the account: create namespaces too. */
    ADMIN(4);

    private final int bit;

    Permission(int bit) {
        this.bit = bit;
    }

    /** Returns the name in tokens and on the command line, such as {@code read}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the permission with this label, or null if there is none. */
    public static @Nullable Permission ofLabel(String label) {
        for (Permission permission : values()) {
            if (permission.label().equals(label)) {
                return permission;
            }
        }
        return null;
    }

    /** The bits that grant this permission: its own, and that of {@link #ADMIN}. */
    int grantedByBits() {
        return bit | ADMIN.bit;
    }

    int bit() {
        return bit;
    }
}
