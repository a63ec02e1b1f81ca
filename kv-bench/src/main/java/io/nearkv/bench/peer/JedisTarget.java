package io.nearkv.bench.peer;

import io.nearkv.bench.macro.BatchCaller;
import io.nearkv.bench.macro.Completion;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.OperationKind;
import io.nearkv.bench.macro.Sender;
import io.nearkv.bench.macro.Target;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.Response;

/** Redis through Jedis: a connection for each thread, batches as pipelines. Blocking alone. The names are in a sorted set too, for lists. Thread-safe. */
public final class JedisTarget implements Target {
    private static final byte[] NAMES = "bench-names".getBytes(StandardCharsets.US_ASCII);

    private final InetSocketAddress address;
    private final KeySpace space;
    private final byte[][] keys;
    private final byte[][] values;

    /** Creates a target of a Redis server. */
    public JedisTarget(InetSocketAddress address, KeySpace space) {
        this.address = address;
        this.space = space;
        this.keys = space.keyBytes();
        this.values = space.values();
    }

    @Override
    public Sender sender(int connection, Completion completion) {
        throw new IllegalStateException("Jedis waits for its answers (expected: a load of threads or batches)");
    }

    @Override
    public BatchCaller caller(int thread) {
        return new Caller(new Jedis(address.getHostString(), address.getPort()));
    }

    /** Puts every key, and every name into the sorted set; Redis has no ordered listing of keys. */
    public void fill(boolean withNames) {
        try (Jedis jedis = new Jedis(address.getHostString(), address.getPort())) {
            Pipeline pipeline = jedis.pipelined();
            List<Response<?>> responses = new ArrayList<>();
            for (int i = 0; i < keys.length; i++) {
                responses.add(pipeline.set(keys[i], values[i % values.length]));
                if (withNames) {
                    responses.add(pipeline.zadd(NAMES, 0, keys[i]));
                }
                if (responses.size() >= 1000 || i == keys.length - 1) {
                    pipeline.sync();
                    responses.forEach(Response::get); // throws what the server refused
                    responses.clear();
                }
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Override
    public void close() {}

    private final class Caller implements BatchCaller {
        private final Jedis jedis;

        Caller(Jedis jedis) {
            this.jedis = jedis;
        }

        @Override
        public void call(OperationKind[] kinds, int[] keyIndexes, int count, int[] outcomes) {
            if (count == 1) {
                outcomes[0] = outcome(kinds[0], keyIndexes[0], one(kinds[0], keyIndexes[0]));
                return;
            }
            Pipeline pipeline = jedis.pipelined();
            List<Response<?>> responses = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                int index = keyIndexes[i];
                responses.add(
                        switch (kinds[i]) {
                            case GET -> pipeline.get(keys[index]);
                            case PUT -> pipeline.set(keys[index], values[index % values.length]);
                            case DELETE -> pipeline.del(keys[index]);
                            case LIST -> pipeline.zrangeByLex(NAMES, from(index), to(index));
                        });
            }
            pipeline.sync();
            for (int i = 0; i < count; i++) {
                outcomes[i] = outcome(kinds[i], keyIndexes[i], responses.get(i).get());
            }
        }

        private @Nullable Object one(OperationKind kind, int index) {
            return switch (kind) {
                case GET -> jedis.get(keys[index]);
                case PUT -> jedis.set(keys[index], values[index % values.length]);
                case DELETE -> jedis.del(keys[index]);
                case LIST -> jedis.zrangeByLex(NAMES, from(index), to(index));
            };
        }

        private byte[] from(int index) {
            return bytes("[" + space.prefix(index));
        }

        private byte[] to(int index) {
            byte[] end = bytes("(" + space.prefix(index));
            // The slash that ends a prefix, plus one.
            byte[] next = Arrays.copyOf(end, end.length);
            next[next.length - 1]++;
            return next;
        }

        private int outcome(OperationKind kind, int index, @Nullable Object answer) {
            return switch (kind) {
                case GET ->
                    answer instanceof byte[] value
                            ? (value.length == space.valueBytes() ? value.length : Completion.WRONG)
                            : Completion.MISS;
                case PUT -> "OK".equals(answer) ? 0 : Completion.WRONG;
                case DELETE -> answer instanceof Long ? 0 : Completion.WRONG;
                case LIST ->
                    answer instanceof List<?> names && names.size() == space.namesBelow(index)
                            ? names.size()
                            : Completion.WRONG;
            };
        }

        @Override
        public void close() {
            jedis.close();
        }
    }
}
