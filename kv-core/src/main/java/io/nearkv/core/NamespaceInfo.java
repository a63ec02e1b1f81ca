package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/**
 * A namespace of the catalogue.
 *
 * @param id its id, never used again
 * @param account the account that owns it
 * @param title what people call it, unique within the account, 1 to {@link Limits#MAX_TITLE_CHARS} characters
 */
public record NamespaceInfo(NamespaceId id, AccountId account, String title) {
    /** Checks that nothing is missing. */
    public NamespaceInfo {
        requireNonNull(id, "id");
        requireNonNull(account, "account");
        requireNonNull(title, "title");
    }
}
