package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.junit.jupiter.api.Test;

/** What the log's port of a node takes from anybody who can reach it. */
class LogTransportTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int MAX_SILENT = 256;

    private static int port(ClusterMember member) {
        return Integer.parseInt(member.raft().substring(member.raft().lastIndexOf(':') + 1));
    }

    private static Socket connect(ClusterMember member) throws IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port(member)));
        socket.setSoTimeout((int) PATIENCE.toMillis());
        return socket;
    }

    private static void assertEnded(Socket socket) throws IOException {
        try {
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        } catch (java.net.SocketException e) {
            assertThat(e).hasMessageContaining("reset"); // Not all that was sent had been read.
        }
    }

    @Test
    void what_is_no_request_of_a_node_ends_its_connection_and_nothing_else() throws Exception {
        try (LocalCluster cluster = LocalCluster.of(3)) {
            cluster.awaitServing();
            ClusterMember member = cluster.member("n1");
            try (Socket other = connect(member)) {
                other.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                assertEnded(other);
            }
            for (int[] header : new int[][] {{Integer.MAX_VALUE, 1}, {-1, 1}, {1, 77}, {0, 0}}) {
                try (Socket other = connect(member)) {
                    DataOutputStream out = new DataOutputStream(other.getOutputStream());
                    out.writeInt(0x4e4b4c31);
                    out.writeInt(header[0]);
                    out.writeByte(header[1]);
                    out.writeByte(0);
                    if (header[1] == 0) {
                        assertThat(other.getInputStream().readNBytes(4)).hasSize(4); // Why it is refused.
                    } else {
                        assertEnded(other);
                    }
                }
            }
            // A message that is none.
            try (Socket other = connect(member)) {
                DataOutputStream out = new DataOutputStream(other.getOutputStream());
                out.writeInt(0x4e4b4c31);
                out.writeInt(3);
                out.writeByte(1);
                out.write(new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff});
                assertThat(other.getInputStream().readNBytes(4)).hasSize(4);
            }
            put(cluster);
        }
    }

    private static void put(LocalCluster cluster) throws Exception {
        Mutation mutation = Mutation.put(Key.of("key"), Value.of("value".getBytes(StandardCharsets.UTF_8)));
        assertThat(cluster.leader()
                        .store()
                        .write(LocalCluster.NAMESPACE.id(), mutation, WriteOptions.DEFAULT)
                        .get(30, TimeUnit.SECONDS))
                .isNotNull();
    }

    @Test
    void a_vote_in_a_log_that_the_node_does_not_have_is_refused_with_the_reason() throws Exception {
        try (LocalCluster cluster = LocalCluster.of(3);
                LogWire wire = new LogWire(null)) {
            cluster.awaitServing();
            wire.connect(cluster.member("n1").raft(), PATIENCE);
            UUID other = UUID.randomUUID();
            RequestVoteRequestProto request = RequestVoteRequestProto.newBuilder()
                    .setServerRequest(RaftRpcRequestProto.newBuilder()
                            .setRaftGroupId(RaftGroupIdProto.newBuilder()
                                    .setId(RaftGroupId.valueOf(other).toByteString())))
                    .build();
            assertThatThrownBy(() -> wire.ask(LogWire.Kind.VOTE, request, RequestVoteReplyProto.parser()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("refused")
                    .hasMessageContaining("GroupMismatchException");
        }
    }

    @Test
    void who_connects_and_says_nothing_is_counted_and_refused_beyond_a_limit() throws Exception {
        List<Socket> silent = new ArrayList<>();
        // With this timeout nobody is ended for his silence while others connect.
        try (LocalCluster cluster = new LocalCluster(
                1, InstantSource.system(), options -> options.electionTimeout(Duration.ofSeconds(30)))) {
            cluster.awaitServing();
            ClusterNode node = cluster.node("n1");
            ClusterMember member = cluster.member("n1");
            assertThat(node.status().connections()).isZero();
            assertThat(node.status().refused()).isZero();

            for (int i = 0; i < MAX_SILENT; i++) {
                silent.add(connect(member));
            }
            LocalCluster.await("all are accepted", () -> node.status().connections() == MAX_SILENT);
            assertThat(node.status().refused()).isZero();
            for (int refused = 1; refused <= 2; refused++) {
                try (Socket tooMany = connect(member)) {
                    assertEnded(tooMany);
                }
                assertThat(node.status().refused()).isEqualTo(refused);
            }
            assertThat(node.status().connections()).isEqualTo(MAX_SILENT);

            // One that has greeted makes room for another.
            new DataOutputStream(silent.get(0).getOutputStream()).writeInt(0x4e4b4c31);
            LocalCluster.await("there is room", () -> {
                try {
                    silent.add(connect(member));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                return node.status().connections() > MAX_SILENT;
            });
            for (Socket each : silent) {
                each.close();
            }
            LocalCluster.await("none is left", () -> node.status().connections() == 0);
        } finally {
            for (Socket each : silent) {
                each.close();
            }
        }
    }

    @Test
    void a_node_whose_address_is_taken_says_so_and_leaves_nothing_behind() throws Exception {
        try (LocalCluster cluster = new LocalCluster(3, 0, 1, InstantSource.system(), options -> options)) {
            try (ServerSocket taken = new ServerSocket(
                    port(cluster.member("n1")), 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
                assertThat(taken.isBound()).isTrue();
                for (String node : List.of("n1", "n2", "n3")) {
                    cluster.start(node);
                }
                LocalCluster.await("the reason", () -> {
                    KvException reason = cluster.node("n1").unreadiness();
                    return reason != null
                            && reason.toString().contains(cluster.member("n1").raft() + " cannot be listened on");
                });
                put(cluster); // It does not lead, in spite of having no ears.
                cluster.stop("n1");
            }
            cluster.start("n1");
            cluster.awaitServing();
        }
    }
}
