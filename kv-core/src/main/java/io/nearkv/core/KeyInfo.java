package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a listing says about an entry; never its value.
 *
 * @param key the key
 * @param version the number of the commit that wrote the entry
 * @param metadata the metadata, or null if there is none
 * @param expiresAt seconds since the epoch at which the entry expires, or 0 if it does not
 * @param valueBytes the number of bytes of the value
 */
public record KeyInfo(Key key, long version, @Nullable Metadata metadata, long expiresAt, int valueBytes) {
    /** Checks that the key is given. */
    public KeyInfo {
        requireNonNull(key, "key");
    }

    /** Returns the time at which the entry expires, if it does. */
    public Optional<Instant> expiration() {
        return expiresAt == 0 ? Optional.empty() : Optional.of(Instant.ofEpochSecond(expiresAt));
    }

    /** Returns the text of the key. */
    public String name() {
        return key.toString();
    }
}
