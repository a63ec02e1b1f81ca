package io.nearkv.core.identity;

import org.jspecify.annotations.Nullable;

/** The kinds of signed statement, each with a type header of its own and the one role whose keys may sign it. */
enum TokenType {
    /** What a caller shows. */
    ACCESS("nearkv+jwt", KeyRole.TOKEN),
    /** What a server shows of itself. */
    BUILD("nearkv-build+jwt", KeyRole.BUILD),
    /** The list of revoked tokens. */
    REVOCATIONS("nearkv-revocations+jwt", KeyRole.REVOCATION);

    private final String header;
    private final KeyRole role;

    TokenType(String header, KeyRole role) {
        this.header = header;
        this.role = role;
    }

    /** Returns the value of the {@code typ} header. */
    String header() {
        return header;
    }

    KeyRole role() {
        return role;
    }

    static @Nullable TokenType ofHeader(String header) {
        for (TokenType type : values()) {
            if (type.header.equals(header)) {
                return type;
            }
        }
        return null;
    }
}
