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
import org.jspecify.annotations.Nullable;

/**
 * What a node of a cluster is asked by operators and by other nodes, through {@link io.nearkv.core.KvAdmin#ask}. The answer is a {@link ClusterView}.
 *
 * <p>A change is asked for again until the view says that nothing is under way: each time the node that leads takes the next step, if there is one to take. So whoever drives it may be lost at
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
     * Has a node be a member no more.
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
     * Has another node lead.
     *
     * @param node its name, or null for whichever has come furthest
     */
    record Transfer(@Nullable String node) implements ClusterQuestion {}

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
            } else if (this instanceof Transfer transfer) {
                out.writeUTF("transfer");
                out.writeUTF(transfer.node() == null ? "" : transfer.node());
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
                case "transfer" -> {
                    String node = in.readUTF();
                    yield new Transfer(node.isEmpty() ? null : node);
                }
                default -> throw new IOException("'" + what + "'");
            };
        } catch (IOException | IllegalArgumentException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "a node of a cluster does not understand this question: " + e, e);
        }
    }
}
