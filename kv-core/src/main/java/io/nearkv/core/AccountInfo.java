package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/**
 * An account of the catalogue.
 *
 * @param id its id
 * @param name what people call it, 1 to {@link Limits#MAX_TITLE_CHARS} characters
 */
public record AccountInfo(AccountId id, String name) {
    /** Checks that nothing is missing. */
    public AccountInfo {
        requireNonNull(id, "id");
        requireNonNull(name, "name");
    }
}
