package io.nearkv.server.incident.run;

import io.nearkv.core.DenialReason;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A tier that refuses some slots as a build of another environment would, or has another build answer them. */
final class SplitStore {
    private final KvStore below;
    private final boolean fallback;
    private final KvStore tier;
    private final AtomicLong refusals = new AtomicLong();
    private final AtomicLong fallbacks = new AtomicLong();
    private volatile int share;
    private volatile boolean mayFallBack;

    SplitStore(KvStore below, boolean fallback) {
        this.below = below;
        this.fallback = fallback;
        // Only what takes a key goes by one; the catalogue is not asked for in a replay that has begun.
        this.tier = (KvStore) Proxy.newProxyInstance(
                KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("directReader")) {
                        return null;
                    }
                    if (arguments != null && keys(arguments).stream().anyMatch(this::isForeign)) {
                        refusals.incrementAndGet();
                        if (!this.fallback || !mayFallBack) {
                            return CompletableFuture.failedFuture(refusal());
                        }
                        fallbacks.incrementAndGet();
                    }
                    try {
                        return method.invoke(this.below, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static KvException refusal() {
        return KvException.denied(
                new KvException.Denial(DenialReason.ENVIRONMENT_MISMATCH, "staging", "production", "staging-1.9"),
                "the token is of environment 'production'");
    }

    private static List<String> keys(@Nullable Object[] arguments) {
        List<String> keys = new ArrayList<>();
        for (Object argument : arguments) {
            if (argument instanceof Key key) {
                keys.add(key.toString());
            } else if (argument instanceof Mutation mutation) {
                keys.add(mutation.key().toString());
            } else if (argument instanceof ListOptions list) {
                keys.add(list.prefix());
            } else if (argument instanceof List<?> many) {
                many.forEach(each -> keys.addAll(keys(new Object[] {each})));
            }
        }
        return keys;
    }

    private boolean isForeign(String key) {
        return Integer.remainderUnsigned(key.hashCode() * 0x9E3779B9, 10_000) < share;
    }

    KvStore tier() {
        return tier;
    }

    /** Sends these slots, in basis points, to a build that refuses. */
    void share(int basisPoints, boolean answeredByOthers) {
        mayFallBack = answeredByOthers;
        share = basisPoints;
    }

    int share() {
        return share;
    }

    long refusals() {
        return refusals.get();
    }

    long fallbacks() {
        return fallbacks.get();
    }
}
