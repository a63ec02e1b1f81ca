package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Value;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a node of a cluster is asked by operators and by other nodes, through {@link io.nearkv.core.KvAdmin#ask}. The answer is a {@link ClusterView}, where nothing else is said.
 *
 * <p>A change is asked for again until the view says that nothing is under way: each time the next step is taken, if there is one to take. So whoever drives it may be lost at
 * any moment, and anybody may go on.
 */
public sealed interface ClusterQuestion {
    /** How it looks from the node that is asked. */
    record View() implements ClusterQuestion {}

    /**
     * Has a node become a member, with the disk that it has now; an earlier disk of the same node is given up first.
     *
     * @param place the node and where it is
     */
    record Add(ClusterMember place) implements ClusterQuestion {
        /** Checks that nothing is missing. */
        public Add {
            requireNonNull(place, "place");
        }
    }

    /**
     * Has a node be a member no more; other nodes take over its partitions first, as far as there are any without them.
     *
     * @param node its name
     */
    record Remove(String node) implements ClusterQuestion {
        /** Checks that nothing is missing. */
        public Remove {
            requireNonNull(node, "node");
        }
    }

    /**
     * Has a partition be on one node in the place of another.
     *
     * @param partition its number
     * @param from the node that has it
     * @param to the node that gets it
     */
    record Move(int partition, String from, String to) implements ClusterQuestion {
        /** Checks that nothing is missing. */
        public Move {
            requireNonNull(from, "from");
            requireNonNull(to, "to");
        }
    }

    /** Has partitions and their leaders be spread evenly over the nodes, each partition on as many as it should be. */
    record Rebalance() implements ClusterQuestion {}

    /**
     * Has another node lead.
     *
     * @param partition the number of the log
     * @param node its name, or null for whichever has come furthest
     */
    record Transfer(int partition, @Nullable String node) implements ClusterQuestion {}

    /**
     * Has the node that leads a log keep a snapshot of it for a while, to be copied away. Asked again with the same id, it is the same snapshot, and is kept for longer. The answer is a
     * {@link ClusterSnapshot}.
     *
     * @param partition the number of the log
     * @param id chosen by whoever asks
     * @param first from which of its files on the answer lists them
     */
    record Snapshot(int partition, UUID id, int first) implements ClusterQuestion {
        /** Checks that nothing is missing. */
        public Snapshot {
            requireNonNull(id, "id");
            if (first < 0) {
                throw new IllegalArgumentException("first: " + first);
            }
        }
    }

    /**
     * Reads of a file of a snapshot. The answer is the bytes, fewer than asked for only at the end.
     *
     * @param node which node has the snapshot
     * @param id which snapshot it is
     * @param name the name of the file
     * @param offset where to begin, in bytes
     * @param length how much, at most {@link #MAX_PIECE_BYTES}
     */
    record SnapshotPiece(String node, UUID id, String name, long offset, int length) implements ClusterQuestion {
        /** The most bytes at once: an answer is a single frame of the protocol. */
        public static final int MAX_PIECE_BYTES = 60 << 10;

        /** Checks that nothing is missing. */
        public SnapshotPiece {
            requireNonNull(node, "node");
            requireNonNull(id, "id");
            requireNonNull(name, "name");
            if (offset < 0 || length < 1 || length > MAX_PIECE_BYTES) {
                throw new IllegalArgumentException("offset " + offset + ", length " + length);
            }
        }
    }

    /**
     * Asks for the checksum of a file of a snapshot. The answer is its SHA-256 in hex digits.
     *
     * @param node which node has the snapshot
     * @param id which snapshot it is
     * @param name the name of the file
     */
    record SnapshotDigest(String node, UUID id, String name) implements ClusterQuestion {
        /** Checks that nothing is missing. */
        public SnapshotDigest {
            requireNonNull(node, "node");
            requireNonNull(id, "id");
            requireNonNull(name, "name");
        }
    }

    /**
     * Among nodes, at the one that leads: has a node become a member of a log.
     *
     * @param partition the number of the log
     * @param place the node and where it is
     */
    record Join(int partition, ClusterMember place) implements ClusterQuestion {}

    /**
     * Among nodes, at the one that leads: has a node be a member of a log no more.
     *
     * @param partition the number of the log
     * @param node its name
     */
    record Leave(int partition, String node) implements ClusterQuestion {}

    /**
     * Among nodes: has the one that is asked get ready to be added to a log.
     *
     * @param partition the number of the log
     */
    record Host(int partition) implements ClusterQuestion {}

    /**
     * Among nodes: has the one that is asked remove its copy of a log of which it is no member.
     *
     * @param partition the number of the log
     */
    record Drop(int partition) implements ClusterQuestion {}

    /**
     * Among nodes, at the one that leads: makes a namespace known in a partition.
     *
     * @param partition its number
     * @param namespace the namespace, which is in the catalogue
     */
    record Adopt(int partition, NamespaceInfo namespace) implements ClusterQuestion {}

    /** Returns whether only nodes of the cluster ask this. */
    default boolean isAmongNodes() {
        return this instanceof Join
                || this instanceof Leave
                || this instanceof Host
                || this instanceof Drop
                || this instanceof Adopt;
    }

    /** Returns it as a question. */
    default Value encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            if (this instanceof Add add) {
                out.writeUTF("add");
                ClusterView.write(out, add.place());
            } else if (this instanceof Remove remove) {
                out.writeUTF("remove");
                out.writeUTF(remove.node());
            } else if (this instanceof Move move) {
                out.writeUTF("move");
                out.writeShort(move.partition());
                out.writeUTF(move.from());
                out.writeUTF(move.to());
            } else if (this instanceof Rebalance) {
                out.writeUTF("rebalance");
            } else if (this instanceof Transfer transfer) {
                out.writeUTF("transfer");
                out.writeShort(transfer.partition());
                out.writeUTF(transfer.node() == null ? "" : transfer.node());
            } else if (this instanceof Join join) {
                out.writeUTF("join");
                out.writeShort(join.partition());
                ClusterView.write(out, join.place());
            } else if (this instanceof Leave leave) {
                out.writeUTF("leave");
                out.writeShort(leave.partition());
                out.writeUTF(leave.node());
            } else if (this instanceof Host host) {
                out.writeUTF("host");
                out.writeShort(host.partition());
            } else if (this instanceof Drop drop) {
                out.writeUTF("drop");
                out.writeShort(drop.partition());
            } else if (this instanceof Adopt adopt) {
                out.writeUTF("adopt");
                out.writeShort(adopt.partition());
                out.writeUTF(adopt.namespace().id().toString());
                out.writeUTF(adopt.namespace().account().toString());
                out.writeUTF(adopt.namespace().title());
            } else if (this instanceof Snapshot snapshot) {
                out.writeUTF("snapshot");
                out.writeShort(snapshot.partition());
                out.writeUTF(snapshot.id().toString());
                out.writeInt(snapshot.first());
            } else if (this instanceof SnapshotPiece piece) {
                out.writeUTF("snapshot-piece");
                out.writeUTF(piece.node());
                out.writeUTF(piece.id().toString());
                out.writeUTF(piece.name());
                out.writeLong(piece.offset());
                out.writeInt(piece.length());
            } else if (this instanceof SnapshotDigest digest) {
                out.writeUTF("snapshot-digest");
                out.writeUTF(digest.node());
                out.writeUTF(digest.id().toString());
                out.writeUTF(digest.name());
            } else {
                out.writeUTF("view");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Value.wrap(bytes.toByteArray());
    }

    /**
     * Returns the question.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is none
     */
    static ClusterQuestion decode(Value question) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(question.toByteArray()))) {
            String what = in.readUTF();
            return switch (what) {
                case "view" -> new View();
                case "add" -> new Add(ClusterView.readPlace(in));
                case "remove" -> new Remove(in.readUTF());
                case "move" -> new Move(in.readUnsignedShort(), in.readUTF(), in.readUTF());
                case "rebalance" -> new Rebalance();
                case "transfer" -> {
                    int partition = in.readUnsignedShort();
                    String node = in.readUTF();
                    yield new Transfer(partition, node.isEmpty() ? null : node);
                }
                case "join" -> new Join(in.readUnsignedShort(), ClusterView.readPlace(in));
                case "leave" -> new Leave(in.readUnsignedShort(), in.readUTF());
                case "host" -> new Host(in.readUnsignedShort());
                case "drop" -> new Drop(in.readUnsignedShort());
                case "adopt" ->
                    new Adopt(
                            in.readUnsignedShort(),
                            new NamespaceInfo(
                                    NamespaceId.parse(in.readUTF()), AccountId.parse(in.readUTF()), in.readUTF()));
                case "snapshot" -> new Snapshot(in.readUnsignedShort(), UUID.fromString(in.readUTF()), in.readInt());
                case "snapshot-piece" ->
                    new SnapshotPiece(
                            in.readUTF(), UUID.fromString(in.readUTF()), in.readUTF(), in.readLong(), in.readInt());
                case "snapshot-digest" -> new SnapshotDigest(in.readUTF(), UUID.fromString(in.readUTF()), in.readUTF());
                default -> throw new IOException("'" + what + "'");
            };
        } catch (IOException | IllegalArgumentException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "a node of a cluster does not understand this question: " + e, e);
        }
    }
}
