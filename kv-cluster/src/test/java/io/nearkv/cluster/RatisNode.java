package io.nearkv.cluster;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.util.TimeDuration;

/**
 * A process with a node of Ratis alone, which counts: {@code RatisNode FOLDER SELF LEASE PORT…}. Each line on standard input is a request, {@code write NUMBER}, {@code read NUMBER} or {@code leads NUMBER};
 * each line on standard output an answer, {@code NUMBER VALUE}, or the number alone if there is none.
 */
final class RatisNode {
    private static final RaftGroupId GROUP =
            RaftGroupId.valueOf(UUID.fromString("2f1d1f5e-8c7b-4a52-9a4a-0d6f0d3c5b11"));

    private final RaftServer server;
    private final RaftPeerId self;
    private final ClientId client = ClientId.randomId();
    private final AtomicLong calls = new AtomicLong();

    private RatisNode(RaftServer server, RaftPeerId self) {
        this.server = server;
        this.self = self;
    }

    /** Counts the entries. */
    private static final class Counter extends BaseStateMachine {
        private final AtomicLong count = new AtomicLong();

        @Override
        public CompletableFuture<Message> applyTransaction(TransactionContext context) {
            TermIndex at = TermIndex.valueOf(context.getLogEntry());
            updateLastAppliedTermIndex(at.getTerm(), at.getIndex());
            return CompletableFuture.completedFuture(Message.valueOf(Long.toString(count.incrementAndGet())));
        }

        @Override
        public CompletableFuture<Message> query(Message request) {
            return CompletableFuture.completedFuture(Message.valueOf(Long.toString(count.get())));
        }
    }

    public static void main(String[] args) throws IOException {
        List<RaftPeer> peers = new ArrayList<>();
        for (int i = 3; i < args.length; i++) {
            peers.add(RaftPeer.newBuilder()
                    .setId("n" + (i - 2))
                    .setAddress("127.0.0.1:" + args[i])
                    .build());
        }
        RaftPeer self = peers.get(Integer.parseInt(args[1]));
        RaftProperties properties = new RaftProperties();
        RaftServerConfigKeys.setStorageDir(properties, List.of(Path.of(args[0]).toFile()));
        String address = self.getAddress();
        GrpcConfigKeys.Server.setHost(properties, "127.0.0.1");
        GrpcConfigKeys.Server.setPort(properties, Integer.parseInt(address.substring(address.lastIndexOf(':') + 1)));
        RaftServerConfigKeys.Rpc.setTimeoutMin(properties, TimeDuration.valueOf(800, TimeUnit.MILLISECONDS));
        RaftServerConfigKeys.Rpc.setTimeoutMax(properties, TimeDuration.valueOf(1200, TimeUnit.MILLISECONDS));
        RaftServerConfigKeys.Read.setOption(properties, RaftServerConfigKeys.Read.Option.LINEARIZABLE);
        RaftServerConfigKeys.Read.setLeaderLeaseEnabled(properties, Boolean.parseBoolean(args[2]));
        RaftServer server = RaftServer.newBuilder()
                .setServerId(self.getId())
                .setGroup(RaftGroup.valueOf(GROUP, peers))
                .setOption(RaftStorage.StartupOption.FORMAT)
                .setStateMachineRegistry(group -> new Counter())
                .setProperties(properties)
                .build();
        server.start();
        new RatisNode(server, self.getId()).run();
    }

    private void run() throws IOException {
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            int space = line.indexOf(' ');
            String number = line.substring(space + 1);
            switch (line.substring(0, space)) {
                case "write" -> send(number, RaftClientRequest.writeRequestType());
                case "read" -> send(number, RaftClientRequest.readRequestType());
                default ->
                    answer(
                            number,
                            server.getDivision(GROUP).getInfo().isLeaderReady() ? "1" : "0");
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private void send(String number, RaftClientRequest.Type type) throws IOException {
        var unused = server.submitClientRequestAsync(RaftClientRequest.newBuilder()
                        .setClientId(client)
                        .setServerId(self)
                        .setGroupId(GROUP)
                        .setCallId(calls.incrementAndGet())
                        .setMessage(Message.valueOf("x"))
                        .setType(type)
                        .build())
                .whenComplete((reply, failed) -> answer(
                        number,
                        failed != null || !reply.isSuccess()
                                ? ""
                                : reply.getMessage().getContent().toStringUtf8()));
    }

    private static void answer(String number, String value) {
        synchronized (System.out) {
            System.out.println((number + " " + value).strip());
        }
    }
}
