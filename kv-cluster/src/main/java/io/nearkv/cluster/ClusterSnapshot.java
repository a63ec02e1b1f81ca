package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.BackupSource.SourceFile;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot of a log that a node keeps to be copied away. Immutable.
 *
 * @param node who has it
 * @param index the last entry that is in it
 * @param version every change up to here is in it
 * @param count of how many files it consists; 0 while it is being made
 * @param files the files, or some of them
 */
public record ClusterSnapshot(String node, long index, long version, int count, List<SourceFile> files) {
    private static final int FORMAT = 1;
    /** An answer is a single frame of the protocol. */
    private static final int MAX_FILES = 400;

    /** Checks that nothing is missing. */
    public ClusterSnapshot {
        requireNonNull(node, "node");
        files = List.copyOf(files);
    }

    /** Returns the same with as many of the files as an answer has room for. */
    ClusterSnapshot from(int first) {
        int begin = Math.min(first, files.size());
        return new ClusterSnapshot(
                node, index, version, count, files.subList(begin, Math.min(begin + MAX_FILES, files.size())));
    }

    /** Returns it as an answer. */
    Value encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeUTF(node);
            out.writeLong(index);
            out.writeLong(version);
            out.writeInt(count);
            out.writeInt(files.size());
            for (SourceFile file : files) {
                out.writeUTF(file.name());
                out.writeLong(file.bytes());
            }
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
    static ClusterSnapshot decode(Value answer) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(answer.toByteArray()))) {
            int format = in.readByte();
            if (format != FORMAT) {
                throw new IOException("format " + format + " (expected: " + FORMAT + ")");
            }
            String node = in.readUTF();
            long index = in.readLong();
            long version = in.readLong();
            int count = in.readInt();
            List<SourceFile> files = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) {
                files.add(new SourceFile(in.readUTF(), in.readLong()));
            }
            return new ClusterSnapshot(node, index, version, count, files);
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "a node of the cluster answers what this one does not understand: " + e, e);
        }
    }
}
