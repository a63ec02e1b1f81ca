package io.nearkv.core.route;

import io.nearkv.core.KvException;
import org.jspecify.annotations.Nullable;

/** Judges the build token that an instance shows. Thread-safe; does not block. */
@FunctionalInterface
public interface BuildTokenCheck {
    /** Returns null if the token is good, else the refusal. */
    @Nullable
    KvException apply(String token);
}
