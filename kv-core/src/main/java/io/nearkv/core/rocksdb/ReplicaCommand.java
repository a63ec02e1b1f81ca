package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.Key;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Value;
import java.util.List;
import java.util.Map;

/** What an entry of the log outside has a {@link ReplicaStore} do. All that differs from node to node (ids, times) was settled before. Immutable. */
public sealed interface ReplicaCommand {
    /** How the mutations of a write hang together. */
    enum Mode {
        /** One; the outcome is a {@link io.nearkv.core.WriteResult}. */
        SINGLE,
        /** Each for itself; the outcome is a list of {@link io.nearkv.core.WriteResult}. */
        EACH,
        /** All or none; the outcome is a {@link io.nearkv.core.BatchResult}. */
        ATOMIC
    }

    /**
     * A value whose pieces were put there before by {@link Piece}.
     *
     * @param valueId of the pieces
     * @param length of the value in bytes, at least 1
     * @param crc32c of the value
     */
    record Staged(long valueId, int length, int crc32c) {
        /** Checks id and length. */
        public Staged {
            if (valueId >= 0 || length < 1 || length > Limits.MAX_VALUE_BYTES) {
                throw new IllegalArgumentException("valueId: " + valueId + ", length: " + length
                        + " (expected: negative, 1 to " + Limits.MAX_VALUE_BYTES + ")");
            }
        }
    }

    /**
     * Changes keys.
     *
     * @param namespace the namespace
     * @param mode how the mutations hang together
     * @param mutations what changes
     * @param staged by the index of a put, the value that it sets in place of its own
     */
    record Write(NamespaceId namespace, Mode mode, List<Mutation> mutations, Map<Integer, Staged> staged)
            implements ReplicaCommand {
        /** Makes both read-only. */
        public Write {
            requireNonNull(namespace, "namespace");
            requireNonNull(mode, "mode");
            mutations = List.copyOf(mutations);
            staged = Map.copyOf(staged);
            if (mode == Mode.SINGLE ? mutations.size() != 1 : mode == Mode.ATOMIC && mutations.isEmpty()) {
                throw new IllegalArgumentException(mutations.size() + " mutations with " + mode);
            }
        }
    }

    /**
     * Puts a piece of a value there that a {@link Staged} will refer to. The outcome is {@code true}.
     *
     * @param namespace the namespace
     * @param valueId negative, so that it cannot be that of a value which came whole
     * @param index counted from 0; all but the last are {@link io.nearkv.core.Limits#CHUNK_BYTES} long
     * @param bytes the piece
     */
    record Piece(NamespaceId namespace, long valueId, int index, Value bytes) implements ReplicaCommand {
        /** Checks the id. */
        public Piece {
            requireNonNull(namespace, "namespace");
            requireNonNull(bytes, "bytes");
            if (valueId >= 0 || index < 0) {
                throw new IllegalArgumentException(
                        "valueId: " + valueId + ", index: " + index + " (expected: negative, not negative)");
            }
        }
    }

    /**
     * Removes pieces to which nobody will refer. The outcome is {@code true}.
     *
     * @param valueId their id
     */
    record DropPieces(long valueId) implements ReplicaCommand {}

    /**
     * Removes what has expired. The outcome is {@code true}.
     *
     * @param expirations what to look at
     */
    record Expire(List<Expiration> expirations) implements ReplicaCommand {
        /** Makes the list read-only. */
        public Expire {
            expirations = List.copyOf(expirations);
        }
    }

    /**
     * An entry of the list of expirations.
     *
     * @param expiresAt seconds since the epoch
     * @param namespace its number within the replica, the same in all
     * @param key the key
     */
    record Expiration(long expiresAt, int namespace, Key key) {
        /** Checks that nothing is missing. */
        public Expiration {
            requireNonNull(key, "key");
        }
    }

    /**
     * Adds an account; its id is new. The outcome is the account.
     *
     * @param account the account
     */
    record CreateAccount(AccountInfo account) implements ReplicaCommand {
        /** Checks that nothing is missing. */
        public CreateAccount {
            requireNonNull(account, "account");
        }
    }

    /**
     * Adds a namespace; one with the same id that is there stays as it is. The outcome is the namespace.
     *
     * @param namespace the namespace
     */
    record CreateNamespace(NamespaceInfo namespace) implements ReplicaCommand {
        /** Checks that nothing is missing. */
        public CreateNamespace {
            requireNonNull(namespace, "namespace");
        }
    }

    /**
     * Gives a namespace another title. The outcome is the namespace.
     *
     * @param namespace which
     * @param title its new title
     */
    record RenameNamespace(NamespaceId namespace, String title) implements ReplicaCommand {
        /** Checks that nothing is missing. */
        public RenameNamespace {
            requireNonNull(namespace, "namespace");
            requireNonNull(title, "title");
        }
    }

    /**
     * Removes a namespace with all keys. The outcome is {@code true}.
     *
     * @param namespace which
     */
    record DeleteNamespace(NamespaceId namespace) implements ReplicaCommand {
        /** Checks that nothing is missing. */
        public DeleteNamespace {
            requireNonNull(namespace, "namespace");
        }
    }
}
