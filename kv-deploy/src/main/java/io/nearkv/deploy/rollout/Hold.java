package io.nearkv.deploy.rollout;

import java.util.Locale;

/** Why a rollout stays where it is. */
public enum Hold {
    /** It does not. */
    NONE,
    /** Somebody has said so. */
    OPERATOR,
    /** There is too little traffic to say anything. Ends by itself. */
    INCONCLUSIVE,
    /** Known-good fails as well. Ends by itself. */
    COMMON_MODE,
    /** The build has everything, and too many requests fail: whether it is the build, nobody can say without something beside it. Ends by itself. */
    ABSOLUTE,
    /** Not all nodes follow. Ends by itself. */
    NOT_FOLLOWED,
    /** A node has gone back on its own, by its own traffic, and others see nothing. Ends when somebody resumes. */
    NODE_PULLED,
    /** A check does not hold any more. Ends by itself. */
    CHECK_FAILED;

    /** Returns the name in answers, such as {@code common_mode}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
