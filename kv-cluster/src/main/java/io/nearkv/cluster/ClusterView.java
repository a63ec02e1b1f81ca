package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a node says of its cluster: the answer to every {@link ClusterQuestion}. Immutable.
 *
 * @param cluster the id of the cluster
 * @param node the name of the node
 * @param disk which of its disks: an empty one is another
 * @param founders with whom it began, empty for one that came later
 * @param parts how it takes part in each log, by their numbers
 * @param underWay what has still to happen before what was asked for is so; empty if nothing
 */
public record ClusterView(
        UUID cluster, String node, String disk, List<Member> founders, List<Part> parts, String underWay) {
    private static final int FORMAT = 2;

    /** How a node takes part. */
    public enum State {
        /** It has nothing yet, and does not know whether there is a cluster. */
        UNDECIDED,
        /** It holds nothing of it, and is not asked to. */
        ABSENT,
        /** It can be added. */
        WAITING,
        /** It votes, and its replica counts. */
        MEMBER;

        /** Returns the name in messages, such as {@code member}. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * A node, and which of its disks.
     *
     * @param place the node and where it is
     * @param disk which of its disks
     * @param committed the last entry that it is known to have, or -1
     */
    public record Member(ClusterMember place, String disk, long committed) {
        /** Checks that nothing is missing. */
        public Member {
            requireNonNull(place, "place");
            requireNonNull(disk, "disk");
        }

        /** Returns the name of the node. */
        public String node() {
            return place.id();
        }
    }

    /**
     * A log, as the node sees it.
     *
     * @param state how the node takes part
     * @param members the members now, as far as it knows
     * @param leader the name of the node that leads, or null if it knows of none
     * @param term the term of the log
     * @param appliedIndex the last entry that is applied to its replica, or -1
     */
    public record Part(
            State state, List<Member> members, @Nullable String leader, long term, long appliedIndex) {
        /** Checks that nothing is missing. */
        public Part {
            requireNonNull(state, "state");
            members = List.copyOf(members);
        }

        /** Returns the member of this name, or null if there is none. */
        public @Nullable Member member(String name) {
            return find(members, name);
        }
    }

    /** Checks that nothing is missing. */
    public ClusterView {
        requireNonNull(cluster, "cluster");
        requireNonNull(node, "node");
        requireNonNull(disk, "disk");
        requireNonNull(underWay, "underWay");
        founders = List.copyOf(founders);
        parts = List.copyOf(parts);
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("a view of no log");
        }
    }

    /** Returns the part that every node has: who the nodes are. */
    public Part whole() {
        return parts.get(0);
    }

    /** Returns the founder of this name, or null if there is none. */
    @Nullable
    Member founder(String name) {
        return find(founders, name);
    }

    private static @Nullable Member find(List<Member> all, String name) {
        return all.stream().filter(each -> each.node().equals(name)).findFirst().orElse(null);
    }

    /** Returns the same with something under way. */
    ClusterView during(String what) {
        return new ClusterView(cluster, node, disk, founders, parts, what);
    }

    /** Returns it as an answer. */
    Value encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeUTF(cluster.toString());
            out.writeUTF(node);
            out.writeUTF(disk);
            write(out, founders);
            out.writeShort(parts.size());
            for (Part part : parts) {
                out.writeUTF(part.state().name());
                write(out, part.members());
                String leader = part.leader();
                out.writeUTF(leader == null ? "" : leader);
                out.writeLong(part.term());
                out.writeLong(part.appliedIndex());
            }
            out.writeUTF(underWay);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Value.wrap(bytes.toByteArray());
    }

    /**
     * Returns what an answer says.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is none
     */
    public static ClusterView decode(Value answer) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(answer.toByteArray()))) {
            int format = in.readByte();
            if (format != FORMAT) {
                throw new IOException("format " + format + " (expected: " + FORMAT + ")");
            }
            UUID cluster = UUID.fromString(in.readUTF());
            String node = in.readUTF();
            String disk = in.readUTF();
            List<Member> founders = read(in);
            List<Part> parts = new ArrayList<>();
            for (int count = in.readUnsignedShort(); count > 0; count--) {
                State state = State.valueOf(in.readUTF());
                List<Member> members = read(in);
                String leader = in.readUTF();
                parts.add(new Part(state, members, leader.isEmpty() ? null : leader, in.readLong(), in.readLong()));
            }
            return new ClusterView(cluster, node, disk, founders, parts, in.readUTF());
        } catch (IOException | IllegalArgumentException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "a node of the cluster answers what this one does not understand: " + e, e);
        }
    }

    static void write(DataOutputStream out, List<Member> members) throws IOException {
        out.writeShort(members.size());
        for (Member member : members) {
            write(out, member.place());
            out.writeUTF(member.disk());
            out.writeLong(member.committed());
        }
    }

    static void write(DataOutputStream out, ClusterMember place) throws IOException {
        out.writeUTF(place.id());
        out.writeUTF(place.raft());
        out.writeUTF(place.peer());
        out.writeUTF(place.client());
    }

    static List<Member> read(DataInputStream in) throws IOException {
        int count = in.readUnsignedShort();
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            members.add(new Member(readPlace(in), in.readUTF(), in.readLong()));
        }
        return members;
    }

    static ClusterMember readPlace(DataInputStream in) throws IOException {
        return new ClusterMember(in.readUTF(), in.readUTF(), in.readUTF(), in.readUTF());
    }
}
