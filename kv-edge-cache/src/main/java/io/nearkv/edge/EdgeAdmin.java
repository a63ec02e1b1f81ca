package io.nearkv.edge;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The catalogue through a cache. What a namespace is, a server asks at the first request of each connection, so it is kept: for a minute without asking, and for as long as
 * nobody upstream answers. (Its id and its account never change.) Thread-safe.
 */
final class EdgeAdmin implements KvAdmin {
    private static final long TTL_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long PATIENCE_MILLIS = 500;
    /** More than one account has; bounds what is remembered. */
    private static final int MAX_NAMESPACES = 8192;

    private record Known(NamespaceInfo info, long nanos) {}

    private record Title(AccountId account, String title) {}

    private final KvAdmin upstream;
    private final boolean coherent;
    private final Freshness.Time time;
    private final @Nullable CatalogueDisk disk;
    private final Supplier<@Nullable KvException> circuit;
    private final Consumer<NamespaceId> forget;
    private final @Nullable FeedRelay relay;
    private final Map<NamespaceId, Known> byId = new ConcurrentHashMap<>();
    private final Map<Title, NamespaceId> byTitle = new ConcurrentHashMap<>();

    /**
     * Creates the catalogue.
     *
     * @param coherent whether upstream is in this process: then it is asked each time
     * @param circuit says whether upstream is not to be asked at the moment
     * @param forget takes away all that is known of the keys of a namespace
     * @param relay is told of deletions, or null
     */
    EdgeAdmin(
            KvAdmin upstream,
            boolean coherent,
            Freshness.Time time,
            @Nullable CatalogueDisk disk,
            Supplier<@Nullable KvException> circuit,
            Consumer<NamespaceId> forget,
            @Nullable FeedRelay relay) {
        this.upstream = upstream;
        this.coherent = coherent;
        this.time = time;
        this.disk = disk;
        this.circuit = circuit;
        this.forget = forget;
        this.relay = relay;
    }

    private void learn(NamespaceInfo info) {
        if (byId.size() >= MAX_NAMESPACES) {
            byId.clear();
            byTitle.clear();
        }
        Known before = byId.put(info.id(), new Known(info, time.nanos()));
        byTitle.put(new Title(info.account(), info.title()), info.id());
        CatalogueDisk tier = disk;
        if (tier != null && (before == null || !before.info().equals(info))) {
            byte[] title = info.title().getBytes(StandardCharsets.UTF_8);
            byte[] account = info.account().toString().getBytes(StandardCharsets.US_ASCII);
            tier.catalogue(
                    info.id(),
                    ByteBuffer.allocate(1 + account.length + title.length)
                            .put((byte) account.length)
                            .put(account)
                            .put(title)
                            .array());
            tier.title(titleKey(info.account(), info.title()), info.id());
        }
    }

    private static byte[] titleKey(AccountId account, String title) {
        return (account + "/" + title).getBytes(StandardCharsets.UTF_8);
    }

    private static NamespaceInfo decode(NamespaceId id, byte[] record) {
        int account = record[0];
        return new NamespaceInfo(
                id,
                AccountId.parse(new String(record, 1, account, StandardCharsets.US_ASCII)),
                new String(record, 1 + account, record.length - 1 - account, StandardCharsets.UTF_8));
    }

    /** Takes in what a disk has kept of a namespace, as long as nobody knows better. */
    NamespaceInfo recall(NamespaceId namespace, byte[] record) {
        NamespaceInfo info = decode(namespace, record);
        byId.putIfAbsent(namespace, new Known(info, time.nanos() - 2 * TTL_NANOS));
        byTitle.putIfAbsent(new Title(info.account(), info.title()), namespace);
        return info;
    }

    /** The namespace is gone. */
    void deleted(NamespaceId namespace) {
        Known known = byId.remove(namespace);
        if (known != null) {
            byTitle.remove(new Title(known.info().account(), known.info().title()));
        }
    }

    private static boolean isSilence(Throwable failure) {
        ErrorCode code = KvException.from(failure).code();
        return code == ErrorCode.UNAVAILABLE || code == ErrorCode.DEADLINE_EXCEEDED;
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        Known known = byId.get(namespace);
        if (coherent || known == null) {
            return ask(namespace);
        }
        // Its id and its account never change, and its end is told by the feed; so nobody waits for a newer title.
        if (time.nanos() - known.nanos() > TTL_NANOS && circuit.get() == null) {
            byId.put(namespace, new Known(known.info(), time.nanos())); // One asks, not everybody.
            var unused = ask(namespace);
        }
        return CompletableFuture.completedFuture(known.info());
    }

    private CompletableFuture<NamespaceInfo> ask(NamespaceId namespace) {
        KvException refusal = circuit.get();
        CompletableFuture<NamespaceInfo> asked =
                refusal == null ? upstream.namespace(namespace) : CompletableFuture.failedFuture(refusal);
        if (coherent) {
            return asked;
        }
        CompletableFuture<NamespaceInfo> answer = new CompletableFuture<>();
        Completion.of(asked, (info, failure) -> {
            if (info != null) {
                learn(info);
                answer.complete(info);
            } else if (failure == null || !isSilence(failure)) {
                deleted(namespace);
                answer.completeExceptionally(failure == null ? new IllegalStateException("no answer") : failure);
            } else {
                remember(namespace, failure, answer);
            }
        });
        if (disk != null && !answer.isDone()) {
            // Rather what the disk remembers than a caller who waits for a core that is gone.
            CompletableFuture.delayedExecutor(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)
                    .execute(() -> {
                        if (!answer.isDone()) {
                            remember(namespace, null, answer);
                        }
                    });
        }
        return answer;
    }

    /** Answers with what the disk has; where it has nothing, with the failure, if there is one already. */
    private void remember(NamespaceId namespace, @Nullable Throwable failure, CompletableFuture<NamespaceInfo> answer) {
        CatalogueDisk tier = disk;
        if (tier == null) {
            if (failure != null) {
                answer.completeExceptionally(failure);
            }
            return;
        }
        Completion.of(tier.catalogue(namespace), (record, never) -> {
            if (record != null) {
                answer.complete(recall(namespace, record));
            } else if (failure != null) {
                answer.completeExceptionally(failure);
            }
        });
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
        KvException refusal = circuit.get();
        CompletableFuture<NamespaceInfo> asked =
                refusal == null ? upstream.namespace(account, title) : CompletableFuture.failedFuture(refusal);
        if (coherent) {
            return asked;
        }
        CompletableFuture<NamespaceInfo> answer = new CompletableFuture<>();
        Completion.of(asked, (info, failure) -> {
            if (info != null) {
                learn(info);
                answer.complete(info);
            } else if (failure == null || !isSilence(failure)) {
                answer.completeExceptionally(failure == null ? new IllegalStateException("no answer") : failure);
            } else {
                remember(account, title, failure, answer);
            }
        });
        if (!answer.isDone()) {
            CompletableFuture.delayedExecutor(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)
                    .execute(() -> {
                        if (!answer.isDone()) {
                            remember(account, title, null, answer);
                        }
                    });
        }
        return answer;
    }

    private void remember(
            AccountId account, String title, @Nullable Throwable failure, CompletableFuture<NamespaceInfo> answer) {
        NamespaceId id = byTitle.get(new Title(account, title));
        Known known = id == null ? null : byId.get(id);
        CatalogueDisk tier = disk;
        if (known != null) {
            answer.complete(known.info());
        } else if (tier == null) {
            if (failure != null) {
                answer.completeExceptionally(failure);
            }
        } else {
            Completion.of(tier.title(titleKey(account, title)), (found, never) -> {
                if (found != null) {
                    remember(found, failure, answer);
                } else if (failure != null) {
                    answer.completeExceptionally(failure);
                }
            });
        }
    }

    @Override
    public CompletableFuture<List<AccountInfo>> accounts() {
        return upstream.accounts();
    }

    @Override
    public CompletableFuture<AccountInfo> createAccount(String name) {
        return upstream.createAccount(name);
    }

    @Override
    public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
        return upstream.namespaces(account).whenComplete((all, failure) -> {
            if (all != null) {
                all.forEach(this::learn);
            }
        });
    }

    @Override
    public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
        return upstream.createNamespace(account, title).whenComplete((info, failure) -> {
            if (info != null) {
                learn(info);
            }
        });
    }

    @Override
    public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
        return upstream.renameNamespace(namespace, title).whenComplete((info, failure) -> {
            deleted(namespace);
            if (info != null) {
                learn(info);
            }
        });
    }

    @Override
    public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
        FeedRelay serves = relay;
        if (serves != null) {
            serves.deleting(namespace);
        }
        // Also after a failure: it may have happened all the same.
        return upstream.deleteNamespace(namespace).whenComplete((done, failure) -> {
            if (serves != null) {
                if (failure == null) {
                    serves.deleted(namespace);
                } else {
                    serves.notDeleted(namespace);
                }
            }
            deleted(namespace);
            forget.accept(namespace);
        });
    }

    @Override
    public CompletableFuture<BackupInfo> backup() {
        return upstream.backup();
    }
}
