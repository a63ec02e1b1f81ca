package io.nearkv.bench.peer;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.nearkv.bench.macro.BatchCaller;
import io.nearkv.bench.macro.Completion;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.OperationKind;
import io.nearkv.bench.macro.Sender;
import io.nearkv.bench.macro.Target;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Redis through lettuce: gets, puts and deletes, asynchronous or waiting, over a fixed number of shared connections. Thread-safe. */
public final class LettuceTarget implements Target {
    private final ClientResources resources;
    private final RedisClient client;
    private final List<StatefulRedisConnection<byte[], byte[]>> connections = new ArrayList<>();
    private final KeySpace space;
    private final byte[][] keys;
    private final byte[][] values;

    /** Creates a target with this many connections. Two I/O threads, the fewest that lettuce accepts. */
    public LettuceTarget(InetSocketAddress address, KeySpace space, int connectionCount) {
        this.space = space;
        this.keys = space.keyBytes();
        this.values = space.values();
        this.resources = DefaultClientResources.builder()
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                .build();
        this.client = RedisClient.create(resources, RedisURI.create(address.getHostString(), address.getPort()));
        for (int i = 0; i < connectionCount; i++) {
            connections.add(client.connect(ByteArrayCodec.INSTANCE));
        }
    }

    private CompletionStage<?> send(RedisAsyncCommands<byte[], byte[]> commands, OperationKind kind, int index) {
        return switch (kind) {
            case GET -> commands.get(keys[index]);
            case PUT -> commands.set(keys[index], values[index % values.length]);
            case DELETE -> commands.del(keys[index]);
            case LIST -> throw new IllegalArgumentException("lists of Redis are measured through Jedis");
        };
    }

    private int outcome(OperationKind kind, @Nullable Object answer) {
        return switch (kind) {
            case GET ->
                answer instanceof byte[] value
                        ? (value.length == space.valueBytes() ? value.length : Completion.WRONG)
                        : Completion.MISS;
            case PUT -> "OK".equals(answer) ? 0 : Completion.WRONG;
            case DELETE, LIST -> answer instanceof Long ? 0 : Completion.WRONG;
        };
    }

    @Override
    public Sender sender(int connection, Completion completion) {
        return new AsyncSender(connections.get(connection % connections.size()).async(), completion);
    }

    private final class AsyncSender implements Sender, BiConsumer<@Nullable Object, @Nullable Throwable> {
        private final RedisAsyncCommands<byte[], byte[]> commands;
        private final Completion completion;
        private OperationKind kind = OperationKind.GET;

        AsyncSender(RedisAsyncCommands<byte[], byte[]> commands, Completion completion) {
            this.commands = commands;
            this.completion = completion;
        }

        @Override
        @SuppressWarnings("FutureReturnValueIgnored") // the answer goes to accept
        public void send(OperationKind newKind, int keyIndex) {
            kind = newKind;
            LettuceTarget.this.send(commands, newKind, keyIndex).whenComplete(this);
        }

        @Override
        public void accept(@Nullable Object answer, @Nullable Throwable failure) {
            if (failure != null) {
                completion.failed(failure);
            } else {
                completion.answered(outcome(kind, answer));
            }
        }
    }

    @Override
    public BatchCaller caller(int thread) {
        StatefulRedisConnection<byte[], byte[]> connection = connections.get(thread % connections.size());
        RedisCommands<byte[], byte[]> sync = connection.sync();
        RedisAsyncCommands<byte[], byte[]> async = connection.async();
        return (kinds, keyIndexes, count, outcomes) -> {
            if (count == 1) {
                outcomes[0] = outcome(kinds[0], wait(sync, kinds[0], keyIndexes[0]));
                return;
            }
            List<CompletionStage<?>> answers = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                answers.add(send(async, kinds[i], keyIndexes[i]));
            }
            for (int i = 0; i < count; i++) {
                outcomes[i] =
                        outcome(kinds[i], answers.get(i).toCompletableFuture().get(10, TimeUnit.SECONDS));
            }
        };
    }

    private @Nullable Object wait(RedisCommands<byte[], byte[]> commands, OperationKind kind, int index) {
        return switch (kind) {
            case GET -> commands.get(keys[index]);
            case PUT -> commands.set(keys[index], values[index % values.length]);
            case DELETE -> commands.del(keys[index]);
            case LIST -> throw new IllegalArgumentException("lists of Redis are measured through Jedis");
        };
    }

    @Override
    public void close() {
        client.shutdown(0, 2, TimeUnit.SECONDS);
        resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
