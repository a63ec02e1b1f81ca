package io.nearkv.cluster;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.ReplicaCommand;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a log entry, which every later version must be able to read; {@code docs/formats/cluster-log.md} describes them. Stateless.
 *
 * <p>An entry: format (1 byte), time of the leader (8 bytes, milliseconds since 1970), then commands until the end. All numbers are big-endian.
 */
final class CommandCodec {
    static final byte FORMAT = 1;
    static final int HEADER_BYTES = 1 + Long.BYTES;

    private static final byte WRITE = 1;
    private static final byte PIECE = 2;
    private static final byte DROP_PIECES = 3;
    private static final byte EXPIRE = 4;
    private static final byte CREATE_ACCOUNT = 5;
    private static final byte CREATE_NAMESPACE = 6;
    private static final byte RENAME_NAMESPACE = 7;
    private static final byte DELETE_NAMESPACE = 8;

    private static final byte PUT = 1;
    private static final byte PUT_STAGED = 2;
    private static final byte DELETE = 3;

    private CommandCodec() {}

    /**
     * An entry.
     *
     * @param millis the time that its leader gave it
     * @param commands what it has the replicas do
     */
    record Entry(long millis, List<ReplicaCommand> commands) {}

    /** Returns the bytes of a command, ready to stand in an entry. */
    static byte[] encode(ReplicaCommand command) {
        ByteBuffer out = ByteBuffer.allocate(size(command));
        if (command instanceof ReplicaCommand.Write write) {
            out.put(WRITE);
            putId(out, write.namespace());
            out.put(modeNumber(write.mode())).putInt(write.mutations().size());
            for (int i = 0; i < write.mutations().size(); i++) {
                putMutation(out, write.mutations().get(i), write.staged().get(i));
            }
        } else if (command instanceof ReplicaCommand.Piece piece) {
            out.put(PIECE);
            putId(out, piece.namespace());
            out.putLong(piece.valueId()).putInt(piece.index());
            putValue(out, piece.bytes());
        } else if (command instanceof ReplicaCommand.DropPieces drop) {
            out.put(DROP_PIECES).putLong(drop.valueId());
        } else if (command instanceof ReplicaCommand.Expire expire) {
            out.put(EXPIRE).putInt(expire.expirations().size());
            for (ReplicaCommand.Expiration expiration : expire.expirations()) {
                out.putLong(expiration.expiresAt()).putInt(expiration.namespace());
                putKey(out, expiration.key());
            }
        } else if (command instanceof ReplicaCommand.CreateAccount create) {
            out.put(CREATE_ACCOUNT);
            putId(out, create.account().id());
            putText(out, create.account().name());
        } else if (command instanceof ReplicaCommand.CreateNamespace create) {
            out.put(CREATE_NAMESPACE);
            putId(out, create.namespace().id());
            putId(out, create.namespace().account());
            putText(out, create.namespace().title());
        } else if (command instanceof ReplicaCommand.RenameNamespace rename) {
            out.put(RENAME_NAMESPACE);
            putId(out, rename.namespace());
            putText(out, rename.title());
        } else if (command instanceof ReplicaCommand.DeleteNamespace delete) {
            out.put(DELETE_NAMESPACE);
            putId(out, delete.namespace());
        }
        if (out.hasRemaining()) {
            throw new IllegalStateException(out.remaining() + " bytes too many for " + command.getClass());
        }
        return out.array();
    }

    private static int size(ReplicaCommand command) {
        int id = 2 * Long.BYTES;
        if (command instanceof ReplicaCommand.Write write) {
            long size = 1L + id + 1 + Integer.BYTES;
            for (int i = 0; i < write.mutations().size(); i++) {
                size += mutationSize(write.mutations().get(i), write.staged().containsKey(i));
            }
            return Math.toIntExact(size);
        } else if (command instanceof ReplicaCommand.Piece piece) {
            return 1 + id + Long.BYTES + 2 * Integer.BYTES + piece.bytes().length();
        } else if (command instanceof ReplicaCommand.DropPieces) {
            return 1 + Long.BYTES;
        } else if (command instanceof ReplicaCommand.Expire expire) {
            int size = 1 + Integer.BYTES;
            for (ReplicaCommand.Expiration expiration : expire.expirations()) {
                size += Long.BYTES
                        + Integer.BYTES
                        + Short.BYTES
                        + expiration.key().length();
            }
            return size;
        } else if (command instanceof ReplicaCommand.CreateAccount create) {
            return 1 + id + textSize(create.account().name());
        } else if (command instanceof ReplicaCommand.CreateNamespace create) {
            return 1 + 2 * id + textSize(create.namespace().title());
        } else if (command instanceof ReplicaCommand.RenameNamespace rename) {
            return 1 + id + textSize(rename.title());
        }
        return 1 + id;
    }

    private static int mutationSize(Mutation mutation, boolean staged) {
        int size = 1 + Short.BYTES + mutation.key().length() + 1 + Long.BYTES;
        if (mutation instanceof Mutation.Put put) {
            Metadata metadata = put.options().metadata();
            size += 2 * Long.BYTES + Short.BYTES + (metadata == null ? 0 : metadata.length());
            size += staged
                    ? Long.BYTES + 2 * Integer.BYTES
                    : Integer.BYTES + put.value().length();
        }
        return size;
    }

    private static void putMutation(ByteBuffer out, Mutation mutation, ReplicaCommand.@Nullable Staged staged) {
        boolean isPut = mutation instanceof Mutation.Put;
        out.put(isPut ? staged == null ? PUT : PUT_STAGED : DELETE);
        putKey(out, mutation.key());
        out.put(conditionNumber(mutation.condition().kind()))
                .putLong(mutation.condition().version());
        if (mutation instanceof Mutation.Put put) {
            out.putLong(put.options().expiresAt()).putLong(put.options().ttlSeconds());
            Metadata metadata = put.options().metadata();
            out.putShort((short) (metadata == null ? 0 : metadata.length()));
            if (metadata != null) {
                metadata.putTo(out);
            }
            if (staged == null) {
                putValue(out, put.value());
            } else {
                out.putLong(staged.valueId()).putInt(staged.length()).putInt(staged.crc32c());
            }
        }
    }

    private static void putKey(ByteBuffer out, Key key) {
        out.putShort((short) key.length());
        key.putTo(out);
    }

    private static void putValue(ByteBuffer out, Value value) {
        out.putInt(value.length());
        value.putTo(out);
    }

    private static void putId(ByteBuffer out, NamespaceId id) {
        out.putLong(id.high()).putLong(id.low());
    }

    private static void putId(ByteBuffer out, AccountId id) {
        out.putLong(id.high()).putLong(id.low());
    }

    private static int textSize(String text) {
        return Short.BYTES + text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static void putText(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.putShort((short) bytes.length).put(bytes);
    }

    private static byte modeNumber(ReplicaCommand.Mode mode) {
        return switch (mode) {
            case SINGLE -> 1;
            case EACH -> 2;
            case ATOMIC -> 3;
        };
    }

    private static byte conditionNumber(Condition.Kind kind) {
        return switch (kind) {
            case NONE -> 0;
            case ABSENT -> 1;
            case PRESENT -> 2;
            case VERSION_IS -> 3;
        };
    }

    /** Begins an entry. */
    static void putHeader(ByteBuffer out, long millis) {
        out.put(FORMAT).putLong(millis);
    }

    /**
     * Reads an entry.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is damaged, or of a newer version of this program
     */
    static Entry decode(ByteBuffer in) {
        try {
            byte format = in.get();
            if (format != FORMAT) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        "a log entry has format " + format + ", and this program reads " + FORMAT
                                + " (expected: a newer program)");
            }
            long millis = in.getLong();
            List<ReplicaCommand> commands = new ArrayList<>();
            while (in.hasRemaining()) {
                commands.add(command(in));
            }
            return new Entry(millis, commands);
        } catch (KvException e) {
            throw e.code() == ErrorCode.INTERNAL ? e : damaged(e);
        } catch (BufferUnderflowException | IndexOutOfBoundsException | IllegalArgumentException e) {
            throw damaged(e);
        }
    }

    private static KvException damaged(Exception cause) {
        return new KvException(
                ErrorCode.INTERNAL,
                "a log entry is damaged (expected: remove this node's data; the other nodes have it)",
                cause);
    }

    private static ReplicaCommand command(ByteBuffer in) {
        byte type = in.get();
        return switch (type) {
            case WRITE -> write(in);
            case PIECE -> new ReplicaCommand.Piece(namespaceId(in), in.getLong(), in.getInt(), value(in));
            case DROP_PIECES -> new ReplicaCommand.DropPieces(in.getLong());
            case EXPIRE -> {
                List<ReplicaCommand.Expiration> expirations = new ArrayList<>();
                for (int count = in.getInt(); count > 0; count--) {
                    expirations.add(new ReplicaCommand.Expiration(in.getLong(), in.getInt(), key(in)));
                }
                yield new ReplicaCommand.Expire(expirations);
            }
            case CREATE_ACCOUNT -> new ReplicaCommand.CreateAccount(new AccountInfo(accountId(in), text(in)));
            case CREATE_NAMESPACE ->
                new ReplicaCommand.CreateNamespace(new NamespaceInfo(namespaceId(in), accountId(in), text(in)));
            case RENAME_NAMESPACE -> new ReplicaCommand.RenameNamespace(namespaceId(in), text(in));
            case DELETE_NAMESPACE -> new ReplicaCommand.DeleteNamespace(namespaceId(in));
            default -> throw new IllegalArgumentException("command " + type);
        };
    }

    private static ReplicaCommand.Write write(ByteBuffer in) {
        NamespaceId namespace = namespaceId(in);
        byte number = in.get();
        ReplicaCommand.Mode mode = switch (number) {
            case 1 -> ReplicaCommand.Mode.SINGLE;
            case 2 -> ReplicaCommand.Mode.EACH;
            case 3 -> ReplicaCommand.Mode.ATOMIC;
            default -> throw new IllegalArgumentException("mode " + number);
        };
        int count = in.getInt();
        List<Mutation> mutations = new ArrayList<>(Math.min(count, in.remaining()));
        Map<Integer, ReplicaCommand.Staged> staged = new HashMap<>();
        for (int i = 0; i < count; i++) {
            byte type = in.get();
            Key key = key(in);
            Condition condition = condition(in);
            if (type == DELETE) {
                mutations.add(new Mutation.Delete(key, condition));
                continue;
            }
            long expiresAt = in.getLong();
            long ttl = in.getLong();
            int length = in.getShort() & 0xFFFF;
            Metadata metadata = null;
            if (length > 0) {
                metadata = Metadata.ofStored(in.slice(in.position(), length));
                in.position(in.position() + length);
            }
            PutOptions options = new PutOptions(metadata, expiresAt, ttl, condition);
            if (type == PUT) {
                mutations.add(new Mutation.Put(key, value(in), options));
            } else if (type == PUT_STAGED) {
                mutations.add(new Mutation.Put(key, Value.empty(), options));
                staged.put(i, new ReplicaCommand.Staged(in.getLong(), in.getInt(), in.getInt()));
            } else {
                throw new IllegalArgumentException("mutation " + type);
            }
        }
        return new ReplicaCommand.Write(namespace, mode, mutations, staged);
    }

    private static Condition condition(ByteBuffer in) {
        byte number = in.get();
        long version = in.getLong();
        return switch (number) {
            case 0 -> Condition.NONE;
            case 1 -> Condition.IF_ABSENT;
            case 2 -> Condition.IF_PRESENT;
            case 3 -> Condition.ifVersion(version);
            default -> throw new IllegalArgumentException("condition " + number);
        };
    }

    private static Key key(ByteBuffer in) {
        int length = in.getShort() & 0xFFFF;
        Key key = Key.ofUtf8(in.slice(in.position(), length));
        in.position(in.position() + length);
        return key;
    }

    private static Value value(ByteBuffer in) {
        int length = in.getInt();
        if (length < 0 || length > in.remaining()) {
            throw new BufferUnderflowException(); // Before the array is made.
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return Value.wrap(bytes);
    }

    private static NamespaceId namespaceId(ByteBuffer in) {
        return new NamespaceId(in.getLong(), in.getLong());
    }

    private static AccountId accountId(ByteBuffer in) {
        return new AccountId(in.getLong(), in.getLong());
    }

    private static String text(ByteBuffer in) {
        byte[] bytes = new byte[in.getShort() & 0xFFFF];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
