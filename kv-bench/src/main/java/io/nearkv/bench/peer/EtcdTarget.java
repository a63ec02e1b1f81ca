package io.nearkv.bench.peer;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.nearkv.bench.macro.BatchCaller;
import io.nearkv.bench.macro.Completion;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.OperationKind;
import io.nearkv.bench.macro.Sender;
import io.nearkv.bench.macro.Target;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * etcd through gRPC, whose calls complete on its I/O threads: the transport of jetcd without the layers above it. Reads are linearizable, which is etcd's default
 * and its users'. Thread-safe.
 */
public final class EtcdTarget implements Target {
    private final List<ManagedChannel> channels = new ArrayList<>();
    private final KeySpace space;
    private final byte[][] keys;
    private final byte[][] values;

    /** Creates a target with this many connections. */
    public EtcdTarget(InetSocketAddress address, KeySpace space, int connections) {
        this.space = space;
        this.keys = space.keyBytes();
        this.values = space.values();
        for (int i = 0; i < connections; i++) {
            channels.add(NettyChannelBuilder.forAddress(address.getHostString(), address.getPort())
                    .usePlaintext()
                    .directExecutor()
                    .build());
        }
    }

    private static MethodDescriptor<byte[], EtcdMessages.Answer> method(OperationKind kind) {
        return switch (kind) {
            case GET, LIST -> EtcdMessages.RANGE;
            case PUT -> EtcdMessages.PUT;
            case DELETE -> EtcdMessages.DELETE;
        };
    }

    private byte[] request(OperationKind kind, int index) {
        return switch (kind) {
            case GET -> EtcdMessages.get(keys[index], false);
            case PUT -> EtcdMessages.put(keys[index], values[index % values.length]);
            case DELETE -> EtcdMessages.delete(keys[index]);
            case LIST -> {
                byte[] from = space.prefix(index).getBytes(StandardCharsets.US_ASCII);
                byte[] to = from.clone();
                to[to.length - 1]++;
                yield EtcdMessages.list(from, to, KeySpace.NAMES_PER_PREFIX);
            }
        };
    }

    private int outcome(OperationKind kind, int index, EtcdMessages.@Nullable Answer answer) {
        if (answer == null) {
            return Completion.WRONG;
        }
        return switch (kind) {
            case GET -> {
                if (answer.entries() == 0) {
                    yield Completion.MISS;
                }
                yield answer.valueBytes() == space.valueBytes() ? answer.valueBytes() : Completion.WRONG;
            }
            case PUT, DELETE -> 0;
            case LIST -> answer.entries() == space.namesBelow(index) ? answer.entries() : Completion.WRONG;
        };
    }

    @Override
    public Sender sender(int connection, Completion completion) {
        ManagedChannel channel = channels.get(connection % channels.size());
        return (kind, index) -> ClientCalls.asyncUnaryCall(
                channel.newCall(method(kind), CallOptions.DEFAULT), request(kind, index), new StreamObserver<>() {
                    private EtcdMessages.@Nullable Answer received;

                    @Override
                    public void onNext(EtcdMessages.Answer answer) {
                        received = answer;
                    }

                    @Override
                    public void onError(Throwable failure) {
                        completion.failed(failure);
                    }

                    @Override
                    public void onCompleted() {
                        completion.answered(outcome(kind, index, received));
                    }
                });
    }

    @Override
    public BatchCaller caller(int thread) {
        ManagedChannel channel = channels.get(thread % channels.size());
        return (kinds, keyIndexes, count, outcomes) -> {
            for (int i = 0; i < count; i++) {
                outcomes[i] = outcome(
                        kinds[i],
                        keyIndexes[i],
                        ClientCalls.blockingUnaryCall(
                                channel, method(kinds[i]), CallOptions.DEFAULT, request(kinds[i], keyIndexes[i])));
            }
        };
    }

    @Override
    public void close() {
        channels.forEach(ManagedChannel::shutdownNow);
        for (ManagedChannel channel : channels) {
            try {
                if (!channel.awaitTermination(2, TimeUnit.SECONDS)) {
                    return;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
