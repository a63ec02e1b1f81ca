package io.nearkv.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.jspecify.annotations.Nullable;

/**
 * What a node keeps beside its log and its replica: which disk this is, and with whom it began. A folder that is empty becomes another disk, so that a node whose disk was lost is never
 * taken for the one that it was, with votes and acknowledgements that it does not remember. Not thread-safe.
 */
final class Disk {
    private static final Pattern ID = Pattern.compile("[a-z2-7]{8}");
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
    private static final int ID_LENGTH = 8;
    private static final String ID_FILE = "disk";
    private static final String FOUNDERS_FILE = "founders";
    private static final String LOGS_FILE = "logs";
    /** Stands between the name of a node and its disk in the log; no name has it. */
    private static final char SEPARATOR = '@';

    /** How far this node is with a log of its own. */
    enum Holding {
        /** It begins it, with others. */
        FOUNDING,
        /** It begins with nothing, to be added. */
        JOINING,
        /** It has it: if the files are gone, they are lost. */
        THERE
    }

    private final Path folder;
    private final String id;

    private Disk(Path folder, String id) {
        this.folder = folder;
        this.id = id;
    }

    /**
     * Opens a folder, which is made and given an id if there is nothing in it.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if something of it is missing or damaged
     */
    static Disk open(Path folder) throws IOException {
        Path file = folder.resolve(ID_FILE);
        Files.createDirectories(folder);
        if (Files.notExists(file)) {
            if (Files.exists(raft(folder))) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        "'" + file + "' is missing (expected: all files of the folder, or none: then this node is taken"
                                + " in as a new one)");
            }
            write(file, newId().getBytes(UTF_8));
        }
        String id = Files.readString(file);
        if (!ID.matcher(id).matches()) {
            throw new KvException(ErrorCode.INTERNAL, "'" + file + "' is damaged");
        }
        return new Disk(folder, id);
    }

    private static String newId() {
        SecureRandom random = new SecureRandom();
        StringBuilder id = new StringBuilder();
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        return id.toString();
    }

    String id() {
        return id;
    }

    /** Returns where the snapshot is made that a log begins with, if it begins with one. */
    Path beginning(int log) {
        return beginnings().resolve(Integer.toString(log));
    }

    Path beginnings() {
        return folder.resolve("begin");
    }

    /** Returns where snapshots are kept that somebody copies away. */
    Path shelf() {
        return folder.resolve("shelf");
    }

    /** Returns the folder of the log. */
    Path raft() {
        return raft(folder);
    }

    private static Path raft(Path folder) {
        return folder.resolve("raft");
    }

    /** Returns with whom this node began, empty for one that came later; null if that is not decided. */
    @Nullable
    List<ClusterView.Member> founders() throws IOException {
        Path file = folder.resolve(FOUNDERS_FILE);
        if (Files.notExists(file)) {
            return null;
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(Files.readAllBytes(file)))) {
            return ClusterView.read(in);
        } catch (IOException | IllegalArgumentException e) {
            throw new KvException(ErrorCode.INTERNAL, "'" + file + "' is damaged: " + e, e);
        }
    }

    /** Decides with whom this node begins, once and for all. */
    void found(List<ClusterView.Member> founders) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            ClusterView.write(out, founders);
        }
        write(folder.resolve(FOUNDERS_FILE), bytes.toByteArray());
    }

    /** Returns the logs that this node has beside log 0; null if that is not decided. */
    @Nullable
    SortedMap<Integer, Holding> logs() throws IOException {
        Path file = folder.resolve(LOGS_FILE);
        if (Files.notExists(file)) {
            return null;
        }
        SortedMap<Integer, Holding> logs = new TreeMap<>();
        try {
            for (String line : Files.readAllLines(file)) {
                int space = line.indexOf(' ');
                logs.put(Integer.parseInt(line.substring(0, space)), Holding.valueOf(line.substring(space + 1)));
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new KvException(ErrorCode.INTERNAL, "'" + file + "' is damaged: " + e, e);
        }
        return logs;
    }

    /** Notes which logs this node has. */
    void logs(SortedMap<Integer, Holding> logs) throws IOException {
        StringBuilder text = new StringBuilder();
        logs.forEach((number, holding) ->
                text.append(number).append(' ').append(holding).append('\n'));
        write(folder.resolve(LOGS_FILE), text.toString().getBytes(UTF_8));
    }

    /** Puts a file in the place of the one before, for good. */
    static void write(Path file, byte[] content) throws IOException {
        Path making = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel out = FileChannel.open(
                making, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer left = ByteBuffer.wrap(content);
            while (left.hasRemaining()) {
                int unused = out.write(left);
            }
            out.force(true);
        }
        Files.move(making, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel names = FileChannel.open(file.resolveSibling("."), StandardOpenOption.READ)) {
            names.force(true);
        }
    }

    // ---- how the log knows a member

    static RaftPeerId peerId(String node, String disk) {
        return RaftPeerId.valueOf(node + SEPARATOR + disk);
    }

    /** Returns the name of the node. */
    static String node(RaftPeerId id) {
        String text = id.toString();
        return text.substring(0, text.lastIndexOf(SEPARATOR));
    }

    static RaftPeer peer(ClusterView.Member member) {
        return RaftPeer.newBuilder()
                .setId(peerId(member.node(), member.disk()))
                .setAddress(member.place().raft())
                .setAdminAddress(member.place().peer())
                .setClientAddress(member.place().client())
                .build();
    }

    static ClusterView.Member member(RaftPeer peer, long committed) {
        String id = peer.getId().toString();
        return new ClusterView.Member(
                new ClusterMember(
                        node(peer.getId()), peer.getAddress(), peer.getAdminAddress(), peer.getClientAddress()),
                id.substring(id.lastIndexOf(SEPARATOR) + 1),
                committed);
    }
}
