package io.nearkv.bench.macro;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Condition;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Any tier of nearkv under load. Keys and values are made beforehand, as an application has them. Closing it closes the store. */
public final class KvStoreTarget implements Target {
    private final KvStore store;
    private final NamespaceId namespace;
    private final WriteOptions writes;
    private final ReadOptions reads;
    private final KeySpace space;
    private final Key[] keys;
    private final Value[] values;

    /** Creates a target with reads as they are by default; takes the store over. */
    public KvStoreTarget(KvStore store, NamespaceId namespace, KeySpace space, WriteOptions writes) {
        this(store, namespace, space, writes, ReadOptions.DEFAULT);
    }

    /** Creates a target; takes the store over. */
    public KvStoreTarget(KvStore store, NamespaceId namespace, KeySpace space, WriteOptions writes, ReadOptions reads) {
        this.reads = requireNonNull(reads, "reads");
        this.store = requireNonNull(store, "store");
        this.namespace = requireNonNull(namespace, "namespace");
        this.writes = requireNonNull(writes, "writes");
        this.space = space;
        this.keys = new Key[space.keys()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Key.of(space.name(i));
        }
        byte[][] bytes = space.values();
        this.values = new Value[bytes.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = Value.wrap(bytes[i]);
        }
    }

    /** The client chooses the connection by itself: the number of places is what makes 8 x 16. */
    @Override
    public Sender sender(int connection, Completion completion) {
        return new StoreSender(completion);
    }

    @Override
    public BatchCaller caller(int thread) {
        return (kinds, keyIndexes, count, outcomes) -> {
            if (count == 1) {
                outcomes[0] = await(kinds[0], keyIndexes[0]);
                return;
            }
            List<CompletableFuture<?>> answers = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                answers.add(send(kinds[i], keyIndexes[i]));
            }
            for (int i = 0; i < count; i++) {
                outcomes[i] =
                        outcome(answers.get(i).get(writes.timeout().toNanos(), TimeUnit.NANOSECONDS), keyIndexes[i]);
            }
        };
    }

    private int await(OperationKind kind, int index) throws Exception {
        return outcome(send(kind, index).get(writes.timeout().toNanos(), TimeUnit.NANOSECONDS), index);
    }

    private CompletableFuture<?> send(OperationKind kind, int index) {
        return switch (kind) {
            case GET -> store.get(namespace, keys[index], reads);
            case PUT ->
                store.write(
                        namespace,
                        new Mutation.Put(keys[index], values[index % values.length], PutOptions.DEFAULT),
                        writes);
            case DELETE -> store.write(namespace, new Mutation.Delete(keys[index], Condition.NONE), writes);
            case LIST -> store.list(namespace, ListOptions.prefix(space.prefix(index)), reads);
        };
    }

    private int outcome(@Nullable Object answer, int index) {
        if (answer instanceof GetResult.Found found) {
            return found.length() == space.valueBytes() ? found.length() : Completion.WRONG;
        }
        if (answer instanceof WriteResult written) {
            return written.applied() ? 0 : Completion.WRONG;
        }
        if (answer instanceof ListPage page) {
            return page.keys().size() == space.namesBelow(index) ? page.keys().size() : Completion.WRONG;
        }
        return answer instanceof GetResult.Missing ? Completion.MISS : Completion.WRONG;
    }

    @Override
    public void close() {
        store.close();
    }

    private final class StoreSender implements Sender, BiConsumer<@Nullable Object, @Nullable Throwable> {
        private final Completion completion;
        private int index;

        StoreSender(Completion completion) {
            this.completion = completion;
        }

        @Override
        @SuppressWarnings("FutureReturnValueIgnored") // the answer goes to accept
        public void send(OperationKind kind, int keyIndex) {
            index = keyIndex;
            KvStoreTarget.this.send(kind, keyIndex).whenComplete(this);
        }

        @Override
        public void accept(@Nullable Object answer, @Nullable Throwable failure) {
            if (failure != null) {
                completion.failed(failure);
            } else {
                completion.answered(outcome(answer, index));
            }
        }
    }
}
